"""The log tells when, of which request, and no more than it is given."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from timApp.util.errors import ConfigError
from timApp.util.logs import DETAILS, about_request, access_log, set_up_log

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the log of the tests as it was."""
    root, ours = logging.getLogger(), logging.getLogger("timApp.serve")
    handlers, level = list(root.handlers), ours.level
    yield
    for made in set(root.handlers) - set(handlers):
        made.close()
    root.handlers = handlers
    ours.setLevel(level)
    access_log.setLevel(logging.NOTSET)


def tell() -> None:
    """Tell something of a request, something else with a traceback, and a request."""
    log = logging.getLogger("timApp.somewhere")
    with about_request("abc-1"):
        log.warning("Something\nhappened to %s.", "one thing")
    try:
        raise ValueError("wrong")
    except ValueError:
        log.exception("It failed.")
    access_log.info("GET /", extra={DETAILS: {"request_id": "r2", "status": 200}})


def test_text_has_the_time_with_its_offset_and_the_request(tmp_path: Path) -> None:
    """A line says when, how bad, and of which request."""
    set_up_log("text", str(tmp_path / "log"), tells_requests=True)
    tell()
    first, _, third, *traceback, last = (tmp_path / "log").read_text().splitlines()
    assert re.fullmatch(rf"{_TIME} \[WARNING\] \[abc-1\] Something", first)
    assert re.fullmatch(rf"{_TIME} \[ERROR\] It failed\.", third)
    assert traceback[-1] == "ValueError: wrong"
    assert re.fullmatch(rf"{_TIME} \[INFO\] \[r2\] GET /", last)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_json_is_an_object_a_line(tmp_path: Path) -> None:
    """Whatever is told, tracebacks too, is one line that a program can read."""
    set_up_log("json", str(tmp_path / "log"), tells_requests=True)
    tell()
    first, second, third = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert re.fullmatch(_TIME, first.pop("time"))
    assert first == {
        "level": "WARNING",
        "logger": "timApp.somewhere",
        "message": "Something\nhappened to one thing.",
        "request_id": "abc-1",
    }
    assert second["traceback"].endswith("ValueError: wrong")
    assert "request_id" not in second
    assert (third["request_id"], third["status"]) == ("r2", 200)


def test_requests_are_told_only_where_that_is_wanted(tmp_path: Path) -> None:
    """Without the option nothing is written of a request that went well."""
    set_up_log("text", str(tmp_path / "log"), tells_requests=False)
    access_log.info("GET /")
    assert (tmp_path / "log").read_text() == ""


def test_a_log_that_cannot_be_written_is_refused_and_the_former_one_goes_on(tmp_path: Path) -> None:
    """The option is named, and nothing is lost that is told then."""
    set_up_log("text", str(tmp_path / "log"), tells_requests=False)
    with pytest.raises(ConfigError, match=r"LOG_FILE: .* cannot be written: No such file"):
        set_up_log("text", str(tmp_path / "nowhere" / "log"), tells_requests=False)
    logging.getLogger("timApp").warning("Still here.")
    assert "Still here." in (tmp_path / "log").read_text()
