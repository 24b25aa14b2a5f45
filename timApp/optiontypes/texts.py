"""Kinds of texts, and lists of them, that options have in common."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Strict

#: Whoever has a cookie or a link can try keys on it at home, millions in a second. So many random
#: characters are beyond that.
KEY_MIN_LENGTH = 16


def satisfying(fits: Callable[[str], object]) -> AfterValidator:
    """Return the check that refuses each text that does not fit."""

    def check(text: str) -> str:
        if not fits(text):
            raise ValueError
        return text

    return AfterValidator(check)


def is_filled(text: str) -> bool:
    """Tell whether a text has more than blanks."""
    return bool(text.strip()) and "\0" not in text


def _is_key(text: str) -> bool:
    return is_filled(text) and len(text.strip()) >= KEY_MIN_LENGTH


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        well_formed = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:  # a port or an IPv6 address that is none, or a name that cannot be
        return False
    # A password would be printed with every error about the host.
    well_formed = well_formed and parts.username is None and parts.password is None
    # urlsplit drops line breaks and tabs; the path of a request is appended, so nothing may follow.
    return bool(well_formed) and text.isprintable() and set(" ?#").isdisjoint(text)


def is_host_name(text: str) -> bool:
    """Tell whether a text is the name of a host, or of a domain that begins with a dot."""
    name = text.removeprefix(".")
    return _is_base_url(f"http://{name}") and set("/:@*").isdisjoint(_without_ipv6(name))


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _without_ipv6(name: str) -> str:
    return "" if name.startswith("[") and name.endswith("]") else name


def is_origin(text: str) -> bool:
    """Tell whether a text is a base URL without a path."""
    return _is_base_url(text) and urlsplit(text).path in {"", "/"}


Filled = Annotated[str, satisfying(is_filled)]
LongKey = Annotated[str, satisfying(_is_key)]
Url = Annotated[str, satisfying(_is_base_url)]
HostName = Annotated[str, satisfying(is_host_name)]
Range = Annotated[str, satisfying(_is_network)]
# In Python a tuple or a set does as well as a list.
Names = Annotated[list[Filled], Strict(strict=False)]
Paths = Annotated[
    list[Annotated[str, satisfying(lambda path: path.startswith("/"))]], Strict(strict=False)
]
