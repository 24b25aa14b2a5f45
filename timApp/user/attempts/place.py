"""Where passwords are tried from: an address, or a browser that is known to be the person's."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from timApp.util.text import storable

#: Whoever has one address of IPv6 has all of a network of this size.
_PREFIX = 64


def place_of_address(address: str | None) -> str:
    """Return the place of an address: of IPv6 its network of /64, any other text as it is.

    Empty if the address is not known.
    """
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return storable(address or "")
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), _PREFIX), strict=False))


def place_of_browser(device: str) -> str:
    """Return the place of a browser that is known by that."""
    return f"browser {device}"
