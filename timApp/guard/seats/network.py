"""Networks and addresses as keys: an address has as many as there are networks it could be in.

A key is the version, the length of the prefix and the network's own bits in hexadecimal, such as
``4/024/a0102`` for 10.1.2.0/24. So an address is looked up by an index, whatever networks there
are, and of the keys that are found the last one is that of the smallest network.
"""

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from timApp.util.errors import BadInput
from timApp.util.text import quoted

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

#: Parts the keys of an address in one text.
SEPARATOR = " "
_ORIGIN = re.compile(r"\[([^\]]*)\]")
#: IPv4 addresses in IPv6 stand below a prefix of so many bits.
_MAPPED_PREFIX = 96


def read_network(text: str) -> Network:
    """Return the network, or that of one address, that a text names; IPv4 in IPv6 is IPv4.

    `BadInput` (field ``network``) for any other text, and for a network with bits set beyond its
    prefix.
    """
    try:
        network = ip_network(text)
    except ValueError:
        raise BadInput(_why_none(text), field="network") from None
    if isinstance(network, IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= _MAPPED_PREFIX:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_PREFIX))
        if network.network_address.scope_id is not None:
            raise BadInput(_why_none(text), field="network")
    return network


def written(network: Network) -> str:
    """Return a network as people write it: one address without its prefix."""
    is_one = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_one else network)


def key_of(network: Network) -> str:
    """Return the key of a network."""
    number = int(network.network_address)
    return _key(network.version, network.prefixlen, number >> _beyond(network, network.prefixlen))


def keys_of(text: str) -> str:
    """Return the keys of all networks that an address could be in, in one text.

    Empty if the text is no address; what a network interface is called after a ``%`` is left out.
    """
    try:
        address: Address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    version, number = address.version, int(address)
    return SEPARATOR.join(
        _key(version, length, number >> _beyond(address, length))
        for length in range(address.max_prefixlen + 1)
    )


def address_of(origin: str) -> str:
    """Return the address that an origin begins with, in brackets; empty if it does not."""
    found = _ORIGIN.match(origin)
    return found[1] if found else ""


def _beyond(what: Network | Address, length: int) -> int:
    """Return how many bits there are beyond a prefix of that length."""
    return what.max_prefixlen - length


def _key(version: int, length: int, prefix: int) -> str:
    return f"{version}/{length:03}/{prefix:x}"


def _why_none(text: str) -> str:
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        return f"{quoted(text)} is no address and no network."
    if meant.network_address == ip_address(text.partition("/")[0]):
        return f"{quoted(text)} is an address of one network interface; leave out what follows %."
    return f"{quoted(text)} has bits beyond its prefix; the network is {meant}."
