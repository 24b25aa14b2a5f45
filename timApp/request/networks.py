"""Whether an address is in networks that an option names."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network


def is_in_networks(address: str | None, networks: Iterable[str]) -> bool:
    """Tell whether an address is in one of the networks; None, and what is none, are in no one.

    An IPv4 address in an IPv6 one is IPv4.
    """
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return any((mapped or found) in network for network in map(ip_network, networks))
