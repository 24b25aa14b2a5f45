"""Networks and addresses as keys."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timApp.guard.seats.network import (
    SEPARATOR,
    Network,
    address_of,
    key_of,
    keys_of,
    read_network,
    written,
)
from timApp.util.errors import BadInput

_addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
#: How long a prefix is, as a part of what it could be.
_lengths = st.floats(0, 1)


def around(address: str, length: float) -> Network:
    """Return the network with a prefix of that length that an address is in."""
    network = read_network(address)
    return network.supernet(new_prefix=int(network.max_prefixlen * length))


@given(_addresses, st.lists(_lengths), st.lists(st.tuples(_addresses, _lengths)))
def test_the_last_of_the_keys_is_that_of_the_smallest_network(
    address: str, lengths: list[float], strangers: list[tuple[str, float]]
) -> None:
    """Of the networks that an address is in, and no others, it has the keys, in order of size."""
    own = [around(address, length) for length in lengths]
    by_key = {key_of(one): one for one in [*own, *(around(*stranger) for stranger in strangers)]}
    asked = read_network(address)
    holding = [
        one
        for one in by_key.values()
        if one.version == asked.version and asked.network_address in one
    ]
    found = by_key.keys() & set(keys_of(address).split(SEPARATOR))
    assert {by_key[key] for key in found} == set(holding)
    if found:
        assert by_key[max(found)] == max(holding, key=lambda one: one.prefixlen)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.14", "10.1.2.14"),
        ("10.1.2.14/32", "10.1.2.14"),
        ("10.1.2.0/24", "10.1.2.0/24"),
        ("10.1.2.0/255.255.255.0", "10.1.2.0/24"),
        ("::ffff:10.1.2.14", "10.1.2.14"),
        ("::ffff:10.1.2.0/120", "10.1.2.0/24"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_read_and_written_in_one_spelling(text: str, expected: str) -> None:
    """However a network is spelt, it is one; IPv4 within IPv6 is IPv4, and one address is bare."""
    assert written(read_network(text)) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.1.2.300", "'10.1.2.300' is no address and no network."),
        ("10.1.2", "'10.1.2' is no address and no network."),
        ("10.01.2.3", "'10.01.2.3' is no address and no network."),
        ("", "'' is no address and no network."),
        ("10.1.2.14/24", "'10.1.2.14/24' has bits beyond its prefix; the network is 10.1.2.0/24."),
        (
            "fe80::1%eth0",
            "'fe80::1%eth0' is an address of one network interface; leave out what follows %.",
        ),
    ],
)
def test_what_is_no_network_is_refused_with_the_reason(text: str, why: str) -> None:
    """A text that is no network, or not quite one, is told apart from it in a sentence."""
    with pytest.raises(BadInput) as error:
        read_network(text)
    assert error.value.message == why


@pytest.mark.parametrize(
    ("one", "other"),
    [("::ffff:10.1.2.14", "10.1.2.14"), ("fe80::1%eth0", "fe80::1"), ("0:0::1", "::1")],
)
def test_an_address_has_one_spelling(one: str, other: str) -> None:
    """An IPv4 address within IPv6 has the keys of the IPv4 one, and no interface counts."""
    assert keys_of(one) == keys_of(other) != ""


@pytest.mark.parametrize("text", ["", "unknown", "_hidden", "10.1.2.0/24", "somewhere"])
def test_what_is_no_address_has_no_keys(text: str) -> None:
    """What a proxy or a program says in place of an address is at no seat."""
    assert keys_of(text) == ""


@pytest.mark.parametrize(
    ("origin", "address"),
    [("[10.1.2.14] Firefox", "10.1.2.14"), ("[::1] ", "::1"), ("Firefox", ""), ("x [::1] y", "")],
)
def test_an_origin_begins_with_its_address(origin: str, address: str) -> None:
    """The address of an origin is what stands in brackets at its beginning."""
    assert address_of(origin) == address
    assert not address or ip_address(address)
