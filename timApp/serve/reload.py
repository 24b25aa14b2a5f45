"""What changes without a restart: SIGHUP has the file of options read again, and the log opened."""

import logging
from typing import Any

from flask import Flask

from timApp.config import load_config
from timApp.util.errors import ConfigError
from timApp.util.logs import set_up_log

_log = logging.getLogger(__name__)

#: Options that count from then on; all others count from the next start on.
RELOADED = ("ACCESS_LOG", "LOG_FILE", "LOG_FORMAT", "METRICS_NETWORKS", "METRICS_TOKEN")


class Reloading:
    """The options of a server, as its file and environment had them last."""

    def __init__(self, app: Flask) -> None:
        """Set up the log as the options say; `ConfigError` if it cannot be written."""
        self._app = app
        self._options = load_config()
        _set_up(app.config)

    def reload(self) -> bool:
        """Read the options again, and say in the log what came of it; tell whether they are right.

        With a wrong one all stays as it was.
        """
        try:
            options = load_config()
            changed = sorted(name for name in options if options[name] != self._options[name])
            _set_up(options)
        except ConfigError as error:
            _log.error("Nothing was reloaded: %s", error)
            return False
        self._take(options)
        now = [name for name in changed if name in RELOADED]
        later = [name for name in changed if name not in RELOADED]
        _log.info(
            "Reloaded: %s.%s",
            f"{_list(now)} changed" if now else "no option changed that counts without a restart",
            f" {_list(later)} changed, too, and a restart is needed for that." if later else "",
        )
        return True

    def follow(self) -> None:
        """Do the same without a word, in a worker that is told to."""
        try:
            options = load_config()
            _set_up(options)
        except ConfigError as error:
            _log.error("A worker has not reloaded: %s", error)
            return
        self._take(options)

    def _take(self, options: dict[str, Any]) -> None:
        self._options = options
        self._app.config.update({name: options[name] for name in RELOADED})


def _set_up(options: Any) -> None:
    set_up_log(options["LOG_FORMAT"], options["LOG_FILE"], tells_requests=options["ACCESS_LOG"])


def _list(names: list[str]) -> str:
    return ", ".join(names)
