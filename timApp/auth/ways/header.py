"""The header in which a proxy says whom it has logged in."""

import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, request

from timApp.auth.vouched import Vouched, Way
from timApp.request.environ import environ_key
from timApp.request.networks import is_in_networks
from timApp.request.peer import PEER, REPEATED
from timApp.user.federated import Word
from timApp.user.people import Identity
from timApp.util.errors import AccessDenied, BadRequest, NotFound, TimError
from timApp.util.names import key_of
from timApp.util.text import NAME_MAX_LENGTH, fits, one_line

_log = logging.getLogger(__name__)

_ISSUER = "header"
#: What Apache writes for a variable that is not set.
_NOT_SET = frozenset({"", "(null)"})
_GROUPS_MAX = 200


class HeaderRefused(AccessDenied):
    """Nobody who is believed says who it is."""


class WrongHeader(BadRequest):
    """What the proxy says is no name."""


@dataclass(frozen=True)
class HeaderNames:
    """In which headers the proxy says what, and where it is."""

    networks: Collection[str]
    user: str
    real_name: str | None = None
    email: str | None = None
    groups: str | None = None


def read_vouched(environ: Mapping[str, Any], names: HeaderNames) -> Vouched:
    """Return whom the proxy vouches for; the environ is that of a request.

    `HeaderRefused` for whoever is not the proxy, and if it says nobody. `WrongHeader` for a header
    that came twice, as the visitor may have sent the other one; for a comma or a semicolon in the
    user name, and for what is no text or too long.
    """
    if not is_in_networks(environ.get(PEER), names.networks):
        raise HeaderRefused(
            "This address is for the proxy that logs people in. Come by way of that."
        )
    user = _value(environ, names.user)
    if user is None:
        raise HeaderRefused("The proxy does not say who you are: it has logged nobody in.")
    if not {",", ";"}.isdisjoint(user):
        raise _wrong(names.user)
    return Vouched(
        Way.HEADER,
        Word(_ISSUER, key_of(user)),
        Identity(
            user,
            _value(environ, names.real_name),
            _value(environ, names.email),
            None if names.groups is None else _groups(environ, names.groups),
        ),
    )


def current_vouched() -> Vouched:
    """Return whom the proxy of the current request vouches for; what it refuses is logged."""
    config = current_app.config
    if config["TRUSTED_HEADER"] is None:
        raise NotFound("No proxy logs people in here.")
    names = HeaderNames(
        config["TRUSTED_HEADER_FROM"],
        config["TRUSTED_HEADER"],
        config["TRUSTED_HEADER_REAL_NAME"],
        config["TRUSTED_HEADER_EMAIL"],
        config["TRUSTED_HEADER_GROUPS"],
    )
    try:
        return read_vouched(request.environ, names)
    except TimError as error:
        peer = one_line(request.environ.get(PEER) or "nowhere")
        _log.warning("A login by header is refused, from %s: %s", peer, error)
        raise


def _value(environ: Mapping[str, Any], name: str | None) -> str | None:
    """Return what a header says; None if it says nothing, or there is none to be read."""
    if name is None:
        return None
    key = environ_key(name)
    if key in environ.get(REPEATED, ()):
        raise _wrong(name)
    try:
        text: str = environ.get(key, "").encode("latin-1").decode("utf-8").strip()
    except UnicodeError:
        raise _wrong(name) from None
    if text in _NOT_SET:
        return None
    if not text.isprintable():
        raise _wrong(name)
    return text


def _groups(environ: Mapping[str, Any], name: str) -> frozenset[str]:
    said = re.split("[,;]", _value(environ, name) or "")
    groups = frozenset(stripped for one in said if (stripped := one.strip()))
    if len(groups) > _GROUPS_MAX or not all(fits(one, NAME_MAX_LENGTH) for one in groups):
        raise _wrong(name)
    return groups


def _wrong(name: str) -> WrongHeader:
    return WrongHeader(
        "The proxy's header %(name)s came twice, or says what cannot be. Tell those who run the"
        " site.",
        name=name,
    )
