"""What reverse proxies write about the visitor: one reading of it, as pure functions of values.

Each proxy adds a value at the right of the list that it got (X-Forwarded-For, Forwarded), writes
the only one (most do so for scheme, host, port and prefix), or passes on what it got. The proxies
that are trusted are a number, and whatever stands further to the left than their values is the
visitor's: it is read by nobody, and cannot change how the rest is read. Sources: RFC 7239; the
defaults of nginx, Caddy, Traefik, HAProxy, Envoy and Apache, which stand in the tests.

By hand: werkzeug's ProxyFix takes nothing from a list that is shorter than the number, such as the
one ``https`` of two proxies, and reads lists by their quotation marks, of which the visitor may
open one that swallows what the proxies add. It does not read ``Forwarded``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

#: What stands for an address that a proxy does not know, or is not one.
UNKNOWN = "unknown"


class ProxyHeaders(Enum):
    """In which headers the proxies tell of the visitor; the others are the visitor's own."""

    X_FORWARDED = "x-forwarded"
    FORWARDED = "forwarded"


@dataclass(frozen=True)
class Visit:
    """Where a visitor comes from and what they have asked; None is what no proxy tells."""

    #: An IP address in its shortest form, `UNKNOWN`, or a name such as ``_a1`` that hides it.
    address: str | None = None
    #: ``http`` or ``https``.
    scheme: str | None = None
    #: As a Host header has it, with a port that does not go without saying. It may be anything.
    host: str | None = None
    #: What comes before the site's own paths; without a slash at the end.
    prefix: str | None = None
    #: What is odd about the number of values, in a sentence for the operator.
    misfit: str | None = None


_NOTHING = Visit()

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_PORT = re.compile(r"[1-9][0-9]{0,4}")
#: Two slashes at the start would lead to another site.
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:@-]+)+")
_HIDDEN = re.compile(r"_[A-Za-z0-9._-]{1,100}")
_BRACKETED = re.compile(r"\[([^\]]*)\](?::[0-9]+)?")
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+")

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# RFC 7239 has no blanks around the equals sign, and some around semicolons are common.
_PAIR = rf'({_WORD})=({_WORD}|"(?:[^"\\]|\\.)*")'
_ELEMENT = re.compile(rf"{_PAIR}(?:[ \t]*;[ \t]*{_PAIR})*(?:[ \t]*;)?")
_PAIRS = re.compile(_PAIR)


def read_visit(
    headers: Mapping[str, str], count: int, kind: ProxyHeaders = ProxyHeaders.X_FORWARDED
) -> Visit:
    """Return what the nearest `count` proxies tell of the visitor.

    `headers` have their names in small letters and, if a name came several times, the values with
    commas in between, in the order in which they came. Of each header it is the value that the
    outermost of the trusted proxies has written: that at the place `count` from the right, or the
    leftmost if there are fewer. Only the headers of one kind are read.
    """
    misfit = _other_kind(headers, count, kind)
    if count < 1:
        return Visit(misfit=misfit) if misfit else _NOTHING
    if kind is ProxyHeaders.FORWARDED:
        return _read_forwarded(headers.get("forwarded", ""), count, misfit)
    lists = {name: _items(headers.get(f"x-forwarded-{name}", "")) for name in _NAMES}
    values = {name: one[-count:][0] for name, one in lists.items() if one}
    address = values.get("for")
    scheme = _SCHEMES.get(values.get("proto", "").lower())
    host = values.get("host") or headers.get("host")
    port = values.get("port")
    told_host = _with_port(host, port, scheme) if host and (port or "host" in values) else None
    return Visit(
        address=None if address is None else address_of(address),
        scheme=scheme,
        host=told_host,
        prefix=_prefix(values.get("prefix", "")),
        misfit=misfit or _misfit({name: len(one) for name, one in lists.items()}, count),
    )


_NAMES = ("for", "proto", "host", "port", "prefix")


def address_of(text: str) -> str:
    """Return the address of a value that a proxy wrote as ``for``; `UNKNOWN` if it is none.

    Without its port and brackets, and in one spelling. A name that hides an address is kept.
    """
    text = text.strip()
    if _HIDDEN.fullmatch(text):
        return text
    found = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    try:
        # What comes after a percent sign is the name of a network of the proxy.
        address = ip_address((found[1] if found else text).partition("%")[0])
    except ValueError:
        return UNKNOWN
    # Where both kinds are listened to by one socket, an IPv4 address comes in this form.
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _items(text: str) -> list[str]:
    """Return the items of a list; those that are empty are none."""
    return [item for one in text.split(",") if (item := one.strip(" \t"))] if text else []


def _with_port(host: str, port: str | None, scheme: str | None) -> str:
    has_port = ":" in host.rpartition("]")[2]
    if has_port or port is None or not _PORT.fullmatch(port):
        return host
    goes_without_saying = port in _DEFAULT_PORTS.values() and (
        scheme is None or port == _DEFAULT_PORTS[scheme]
    )
    return host if goes_without_saying else f"{host}:{port}"


def _prefix(text: str) -> str | None:
    bare = text.rstrip("/")
    leads_up = not {".", ".."}.isdisjoint(bare.split("/"))
    return bare if _PREFIX.fullmatch(bare) and not leads_up else None


def _read_forwarded(text: str, count: int, misfit: str | None) -> Visit:
    elements = trusted_elements(text, count + 1)
    trusted = elements[-count:]
    # Each tells of its own visitor. What the outermost does not say is said by the next.
    values: dict[str, str] = {}
    for element in trusted:
        for name, value in element.items():
            values.setdefault(name, value)
    address = trusted[0].get("for", UNKNOWN) if trusted else None
    return Visit(
        address=None if address is None else address_of(address),
        scheme=_SCHEMES.get(values.get("proto", "").lower()),
        host=values.get("host"),
        misfit=misfit or (None if len(elements) == count else _told(count, len(elements))),
    )


def trusted_elements(text: str, count: int) -> Sequence[Mapping[str, str]]:
    """Return the last elements of a ``Forwarded`` header, at most `count`, the last one last.

    Names are in small letters, and values without their quotation marks. They are read from the
    right, each as short as it can be, and up to the first that cannot be read: so nothing that
    stands at the left, such as a quotation mark that is never closed, changes what they say.
    """
    found: list[Mapping[str, str]] = []
    end = len(text)
    while end > 0 and len(found) < count:
        comma = end
        while comma >= 0:
            comma = text.rfind(",", 0, comma)
            part = text[comma + 1 : end].strip(" \t")
            if not part:
                break
            if _ELEMENT.fullmatch(part):
                pairs = _PAIRS.findall(part)
                found.append({name.lower(): _unquoted(value) for name, value in reversed(pairs)})
                break
            if comma < 0:
                return found[::-1]
        end = comma
    return found[::-1]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _misfit(counts: Mapping[str, int], count: int) -> str | None:
    if counts["for"] != count:
        return _told(count, counts["for"])
    for name, found in counts.items():
        # One value is what most proxies make of it.
        if found > 1 and found != count:
            return (
                f"TRUSTED_PROXIES is {count}, and a request came with {found} values in"
                f" X-Forwarded-{name.title()}. Let each proxy add a value, or the outermost one"
                " write the only one."
            )
    return None


def _told(count: int, found: int) -> str:
    """Return the sentence on a number of addresses that does not fit."""
    if found == 0:
        return (
            f"TRUSTED_PROXIES is {count}, and a request came without an address that a proxy has"
            " added. If it came through a proxy, let that write X-Forwarded-For; if there is none,"
            " TRUSTED_PROXIES should be 0."
        )
    if found < count:
        return (
            f"TRUSTED_PROXIES is {count}, and a request came with the addresses of {found} only. If"
            f" {found} stand in front of the site, TRUSTED_PROXIES should be {found}: as it is,"
            " visitors can make up their address. If it is right, let each proxy add one."
        )
    return (
        f"TRUSTED_PROXIES is {count}, and a request came with more addresses. If more proxies stand"
        f" in front of the site, TRUSTED_PROXIES should be their number, perhaps {found}. If not,"
        " the visitor has made the others up, and they are not believed."
    )


def _other_kind(headers: Mapping[str, str], count: int, kind: ProxyHeaders) -> str | None:
    """Return a sentence if there are only headers that are not believed; None if all is well."""
    has_x = "x-forwarded-for" in headers or "x-forwarded-proto" in headers
    has_forwarded = "forwarded" in headers
    if count < 1:
        if not (has_x or has_forwarded):
            return None
        found = len(_items(headers.get("x-forwarded-for" if has_x else "forwarded", ""))) or 1
        return (
            "TRUSTED_PROXIES is 0, and a request came with headers that proxies write. If proxies"
            f" stand in front of the site, TRUSTED_PROXIES should be their number, perhaps {found}."
            " If not, the visitor has made them up, and they are not believed."
        )
    wanted, other = (
        (has_x, has_forwarded) if kind is ProxyHeaders.X_FORWARDED else (has_forwarded, has_x)
    )
    if wanted or not other:
        return None
    right = next(one for one in ProxyHeaders if one is not kind)
    return (
        f'TRUSTED_PROXY_HEADERS is "{kind.value}", and a request came with the headers of the other'
        f' kind only. If the proxies write those, it should be "{right.value}".'
    )
