"""Origins of addresses (RFC 6454): scheme, host and port, which tell one site from another."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
#: What browsers read as it is written, wherever it stands in an address: no blanks, no control
#: characters, no backslashes, nothing beyond ASCII. The group ends where a path, a query or a
#: fragment begins.
_PLAIN = re.compile(r"""((?i:https?)://[!"$-.0->@-\[\]-~]+)[!-\[\]-~]*""")
#: More than a site has to do with.
_REMEMBERED = 256


def origin_of(address: str) -> str | None:
    """Return the origin of a whole address, such as ``https://lab.example.org:8443``, or None.

    In small letters, without a port that its scheme has anyway. None for what browsers might read
    in another way than we do: user info, backslashes, blanks, control characters, and characters
    beyond ASCII; and for any scheme but ``http`` and ``https``.
    """
    plain = _PLAIN.fullmatch(address)
    return None if plain is None else _origin_of(plain[1])


@lru_cache(_REMEMBERED)
def _origin_of(beginning: str) -> str | None:
    """Return the origin of an address that ends before its path; the same ones come again."""
    try:
        parts = urlsplit(beginning)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or "@" in parts.netloc or parts.netloc.endswith(":") or "%" in parts.netloc:
        return None
    if "[" in parts.netloc:
        host = f"[{host}]"
    is_usual = port is None or port == _PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if is_usual else f":{port}")
