"""Asks addresses of the internet that somebody has typed in, and none of the site's own network.

An address is judged when it is connected to, so it is the one that is asked: a name that leads
elsewhere the next moment changes nothing.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

from timApp.net.client import Answer, Request, client

_Address = IPv4Address | IPv6Address
#: What the internet's IPv6 addresses are in; others were something once, or are a site's own.
_UNICAST = IPv6Network("2000::/3")
#: IPv6 addresses that translators lead to the IPv4 address at their end (RFC 6052).
_TRANSLATED = IPv6Network("64:ff9b::/96")
_IPV4_BITS = 0xFFFFFFFF
#: Of protocols, and of relays that are no more: older Pythons call them global. Source: IANA's
#: registry of special-purpose addresses.
_SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))


class RefusedAddress(OSError):  # noqa: N818 - named after what was found
    """An address is not one that may be asked."""


def is_public(address: str) -> bool:
    """Tell whether an address is one of the internet's; what is no address is not.

    Private, loopback, link-local, multicast and reserved ones are not, nor is an IPv6 address that
    stands for such an IPv4 address: mapped, translated, or tunnelled.
    """
    found = _parsed(address)
    if found is None:
        return False
    if isinstance(found, IPv6Address) and not (found in _UNICAST or found in _TRANSLATED):
        return False
    return all(
        one.is_global and not one.is_multicast and not any(one in network for network in _SPECIAL)
        for one in (found, *_meant_by(found))
    )


def is_within(address: str, networks: Sequence[str]) -> bool:
    """Tell whether an address is in one of the networks; an IPv4 address in an IPv6 one is IPv4."""
    found = _parsed(address)
    return found is not None and any(found in network for network in map(ip_network, networks))


def may_be_asked(address: str, networks: Sequence[str], *, in_the_clear: bool) -> bool:
    """Tell whether an address may be connected to, over plain HTTP or not.

    One in the networks may, however it is asked; any other only if it is public, over HTTPS.
    """
    return is_within(address, networks) or (not in_the_clear and is_public(address))


@dataclass(frozen=True)
class Outside:
    """Sends requests to whatever may be asked."""

    #: Networks that may be asked though they are private, and over plain HTTP.
    networks: tuple[str, ...]

    def ask(self, request: Request, deadline: float) -> Answer:
        """Send a POST, and wait for its answer for at most `deadline` seconds.

        Redirects are not followed. Nothing the other side does raises an error.
        """
        sockets = _Sockets(self.networks, in_the_clear=not request.url.startswith("https://"))
        (answer,) = client(sockets).ask_all([request], deadline)
        return answer


@dataclass(frozen=True)
class _Sockets:
    """Makes the sockets to addresses that may be asked; `RefusedAddress` for any other."""

    networks: tuple[str, ...]
    in_the_clear: bool

    def __call__(self, info: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, target = info
        address = str(target[0])
        if not may_be_asked(address, self.networks, in_the_clear=self.in_the_clear):
            why = "over plain HTTP" if self.in_the_clear else "as it is no public one"
            msg = f"the address {address} is not asked {why}; see WEBHOOK_NETWORKS"
            raise RefusedAddress(msg)
        return socket.socket(family, kind, protocol)


def _parsed(text: str) -> _Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _meant_by(found: _Address) -> Sequence[_Address]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(found, IPv4Address):
        return []
    meant: list[_Address] = []
    if found in _TRANSLATED:
        meant.append(IPv4Address(int(found) & _IPV4_BITS))
    if found.sixtofour is not None:
        meant.append(found.sixtofour)
    if found.teredo is not None:
        meant += found.teredo
    return meant
