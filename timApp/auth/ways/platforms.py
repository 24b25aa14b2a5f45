"""The learning platforms of the site, and the keys with which they sign."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app

from timApp.auth.ways.launch import Launch, LaunchRefused, Platform, UnknownSigner, read_launch
from timApp.util.clock import current_second
from timApp.util.deferred import DeferredModule
from timApp.util.errors import Busy, NotFound
from timApp.util.turns import turn_given

if TYPE_CHECKING:
    import requests
else:
    requests = DeferredModule("requests")

_log = logging.getLogger(__name__)

_EXTENSION = "timapp.lti"
#: Seconds that a platform has for each part of an answer, and bytes that it may have.
_TIMEOUT, _KEYS_MAX = 10, 262_144
#: Seconds for which keys are kept, and before they are asked for again because of an unknown one:
#: whoever makes keys up makes nobody ask all the time.
_KEPT, _AGAIN = 86_400, 5
_RETRY_AFTER = 5
_NAME_CLAIM = "custom.username"

Keys = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class _Known:
    keys: Keys
    asked_at: int


class Platforms:
    """Those that LTI_PLATFORMS names."""

    def __init__(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Nothing is asked of them yet."""
        self._all = [
            Platform(
                entry["issuer"],
                entry["client_id"],
                entry["auth_url"],
                entry["keys_url"],
                frozenset(entry["deployments"]),
                entry.get("name_claim", _NAME_CLAIM),
            )
            for entry in entries
        ]
        self._known: dict[str, _Known] = {}

    def find(self, issuer: str, client_id: str | None) -> Platform:
        """Return that of the issuer with the client id, which it need not say if it has one only.

        `LaunchRefused` if there is none, or more than one.
        """
        found = [
            one
            for one in self._all
            if one.issuer == issuer and client_id in {None, "", one.client_id}
        ]
        if len(found) != 1:
            raise LaunchRefused(
                "The learning platform, or its client id, is not among those of LTI_PLATFORMS. Tell"
                " those who run the site."
            )
        return found[0]

    def read(self, text: str, platform: Platform, nonce: str) -> Launch:
        """Return what a platform's token says, see `read_launch`; new keys are asked for.

        `Busy` if it does not answer.
        """
        try:
            return read_launch(text, self._keys(platform.keys_url, _KEPT), platform, nonce)
        except UnknownSigner:
            return read_launch(text, self._keys(platform.keys_url, _AGAIN), platform, nonce)

    def _keys(self, address: str, age: int) -> Keys:
        """Return the keys, which were asked for so many seconds ago at the most."""
        known = self._known.get(address)
        if known is None or not 0 <= current_second() - known.asked_at < age:
            known = self._known[address] = _Known(_ask(address), current_second())
        return known.keys


def add_platforms(app: Flask) -> None:
    """Let the site have those that are configured."""
    entries = app.config["LTI_PLATFORMS"]
    app.extensions[_EXTENSION] = Platforms(entries) if entries else None


def current_platforms() -> Platforms:
    """Return those of the current site; `NotFound` if it has none."""
    found: Platforms | None = current_app.extensions[_EXTENSION]
    if found is None:
        raise NotFound("This site is part of no learning platform.")
    return found


def _ask(address: str) -> Keys:
    """Return the RSA keys at an address; `Busy` if there are none."""
    try:
        with (
            turn_given(),
            requests.get(address, timeout=_TIMEOUT, allow_redirects=False, stream=True) as answer,
        ):
            body = answer.raw.read(_KEYS_MAX + 1, decode_content=True)
        if answer.status_code != requests.codes.ok or len(body) > _KEYS_MAX:
            raise ValueError(answer.status_code)
        keys = [key for key in json.loads(body)["keys"] if key["kty"] == "RSA"]
    except Exception as error:  # whatever it is that an address may answer
        _log.warning("The keys of a learning platform cannot be read: %r", error)
        raise Busy(
            "The learning platform does not answer. Try again in a moment.", _RETRY_AFTER
        ) from error
    return keys
