"""What proxies write about the visitor."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from timApp.util.forwarded import (
    UNKNOWN,
    ProxyHeaders,
    Visit,
    address_of,
    read_visit,
    trusted_elements,
)

FORWARDED = ProxyHeaders.FORWARDED
#: Who visits, as everybody below is asked by them.
VISITOR, PROXY = "203.0.113.9", "10.0.0.2"
HOST = "exam.example.org"


def told(
    headers: dict[str, str], count: int, kind: ProxyHeaders = ProxyHeaders.X_FORWARDED
) -> Visit:
    """Return what is read, without what is odd about it."""
    return replace(read_visit(headers, count, kind), misfit=None)


# What the proxies write that there are, by default or as their manuals and ours say

BY_DEFAULT = {
    # proxy_set_header with $proxy_add_x_forwarded_for, $scheme and $host.
    "nginx": {"x-forwarded-for": VISITOR, "x-forwarded-proto": "https", "host": HOST},
    # reverse_proxy, which writes all three anew for whom it does not trust.
    "Caddy": {
        "x-forwarded-for": VISITOR,
        "x-forwarded-proto": "https",
        "x-forwarded-host": HOST,
        "host": HOST,
    },
    # With port and its own name; `wss` for a websocket.
    "Traefik": {
        "x-forwarded-for": VISITOR,
        "x-forwarded-proto": "wss",
        "x-forwarded-host": HOST,
        "x-forwarded-port": "443",
        "x-forwarded-server": "a1b2c3",
        "x-real-ip": VISITOR,
        "host": HOST,
    },
    # option forwardfor, and http-request set-header X-Forwarded-Proto https if { ssl_fc }.
    "HAProxy": {"x-forwarded-for": VISITOR, "x-forwarded-proto": "https", "host": HOST},
    # use_remote_address: true.
    "Envoy": {
        "x-forwarded-for": VISITOR,
        "x-forwarded-proto": "https",
        "x-envoy-external-address": VISITOR,
        "host": HOST,
    },
    # ProxyPass without ProxyPreserveHost, and RequestHeader set X-Forwarded-Proto https.
    "Apache": {
        "x-forwarded-for": VISITOR,
        "x-forwarded-proto": "https",
        "x-forwarded-host": HOST,
        "x-forwarded-server": "proxy.example.org",
        "host": "10.0.0.7:5000",
    },
}


@pytest.mark.parametrize("proxy", BY_DEFAULT)
def test_each_kind_of_proxy_is_understood(proxy: str) -> None:
    """Address, scheme and host are those of the visitor, and nothing is odd."""
    visit = read_visit(BY_DEFAULT[proxy], 1)
    assert visit.address == VISITOR
    assert visit.scheme == "https"
    assert (visit.host or BY_DEFAULT[proxy]["host"]) == HOST
    assert visit.prefix is None
    assert visit.misfit is None


@pytest.mark.parametrize("proxy", BY_DEFAULT)
def test_a_second_proxy_that_adds_its_visitor_changes_nothing(proxy: str) -> None:
    """It adds the address of the first; scheme and host it passes on, as it should."""
    headers = BY_DEFAULT[proxy] | {"x-forwarded-for": f"{VISITOR}, {PROXY}"}
    assert replace(read_visit(headers, 2), host=None) == replace(
        read_visit(BY_DEFAULT[proxy], 1), host=None
    )
    assert (read_visit(headers, 2).host or headers["host"]) == HOST


def test_haproxy_and_rfc_7239_are_understood() -> None:
    """`option forwarded` writes all in one header."""
    headers = {"forwarded": f'proto=https;for={VISITOR};host="{HOST}:8443"', "host": "x"}
    assert read_visit(headers, 1, FORWARDED) == Visit(VISITOR, "https", f"{HOST}:8443")


# The number of values


@pytest.mark.parametrize(
    ("headers", "count", "visit"),
    [
        # The known case: two addresses, one scheme and one host.
        (
            {"for": f"{VISITOR}, {PROXY}", "proto": "https", "host": HOST},
            2,
            Visit(VISITOR, "https", HOST),
        ),
        # Each proxy has added to each list.
        (
            {"for": f"{VISITOR}, {PROXY}", "proto": "https, http", "host": f"{HOST}, inner"},
            2,
            Visit(VISITOR, "https", HOST),
        ),
        # What the visitor has written stands to the left.
        (
            {"for": f"6.6.6.6, {VISITOR}, {PROXY}", "proto": "gopher, https, http"},
            2,
            Visit(VISITOR, "https"),
        ),
        (
            {"for": f"6.6.6.6,7.7.7.7 ,\t{VISITOR}", "host": f"evil, {HOST}"},
            1,
            Visit(VISITOR, None, HOST),
        ),
        # Fewer than there should be: the leftmost is what a trusted proxy has written, or passed.
        ({"for": VISITOR, "proto": "https"}, 3, Visit(VISITOR, "https")),
        ({}, 1, Visit()),
        ({"for": ", ,", "host": " "}, 1, Visit()),
        ({"for": VISITOR, "host": HOST}, 0, Visit()),
        # Ports.
        (
            {"for": VISITOR, "host": HOST, "proto": "https", "port": "8443"},
            1,
            Visit(VISITOR, "https", f"{HOST}:8443"),
        ),
        (
            {"for": VISITOR, "host": HOST, "proto": "https", "port": "443"},
            1,
            Visit(VISITOR, "https", HOST),
        ),
        (
            {"for": VISITOR, "host": HOST, "proto": "https", "port": "80"},
            1,
            Visit(VISITOR, "https", f"{HOST}:80"),
        ),
        ({"for": VISITOR, "host": HOST, "port": "80"}, 1, Visit(VISITOR, None, HOST)),
        ({"for": VISITOR, "host": f"{HOST}:1", "port": "2"}, 1, Visit(VISITOR, None, f"{HOST}:1")),
        (
            {"for": VISITOR, "host": "[2001:db8::1]", "port": "81"},
            1,
            Visit(VISITOR, None, "[2001:db8::1]:81"),
        ),
        ({"for": VISITOR, "host": HOST, "port": "81x"}, 1, Visit(VISITOR, None, HOST)),
        # Prefixes.
        ({"for": VISITOR, "prefix": "/exam/"}, 1, Visit(VISITOR, None, None, "/exam")),
        ({"for": VISITOR, "prefix": "/a/b, /c"}, 2, Visit(VISITOR, None, None, "/a/b")),
        *(
            ({"for": VISITOR, "prefix": prefix}, 1, Visit(VISITOR))
            for prefix in (
                "exam",
                "//evil.example",
                "/a//b",
                "/",
                "",
                "/a?b",
                "/a b",
                "/a\\b",
                "/a/../b",
                "/..",
                "/./a",
                "/%2f/",
            )
        ),
        # Schemes.
        ({"for": VISITOR, "proto": "HTTPS"}, 1, Visit(VISITOR, "https")),
        ({"for": VISITOR, "proto": "ws"}, 1, Visit(VISITOR, "http")),
        ({"for": VISITOR, "proto": "javascript"}, 1, Visit(VISITOR)),
    ],
    ids=str,
)
def test_the_value_of_the_outermost_trusted_proxy_counts(
    headers: dict[str, str], count: int, visit: Visit
) -> None:
    """It is that at the place from the right, or the leftmost of fewer."""
    assert told({f"x-forwarded-{name}": value for name, value in headers.items()}, count) == visit


def test_a_port_alone_belongs_to_the_host_header() -> None:
    """A proxy that passes the Host header on without its port may tell the port."""
    headers = {"x-forwarded-for": VISITOR, "x-forwarded-port": "8080", "host": HOST}
    assert read_visit(headers, 1).host == f"{HOST}:8080"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1:4711 ", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%\n<b>", "fe80::1"),
        ("_hidden", "_hidden"),
        ("_SEVKISEK", "_SEVKISEK"),
        ("unknown", UNKNOWN),
        ("_", UNKNOWN),
        ("_<b>", UNKNOWN),
        ("unix:", UNKNOWN),
        ("", UNKNOWN),
        ("192.0.2.1.5", UNKNOWN),
        ("999.0.2.1", UNKNOWN),
        ("[192.0.2.1", UNKNOWN),
        ("a.example.org", UNKNOWN),
    ],
)
def test_an_address_has_one_spelling(text: str, address: str) -> None:
    """Ports and brackets are not part of it, and what is none is unknown."""
    assert address_of(text) == address


# RFC 7239


@pytest.mark.parametrize(
    ("text", "count", "visit"),
    [
        ('for="[2001:db8:cafe::17]:4711"', 1, Visit("2001:db8:cafe::17")),
        ("For=192.0.2.60;Proto=HTTP;by=203.0.113.43", 1, Visit("192.0.2.60", "http")),
        ("for=192.0.2.43, for=198.51.100.17", 2, Visit("192.0.2.43")),
        ("for=192.0.2.43, for=198.51.100.17", 1, Visit("198.51.100.17")),
        ("for=unknown;proto=https", 1, Visit(UNKNOWN, "https")),
        ("for=_hidden, for=_SEVKISEK", 2, Visit("_hidden")),
        ("proto=https", 1, Visit(UNKNOWN, "https")),
        # What the outermost does not say is said by the next, and never by the visitor.
        (
            f"proto=http;host=evil, for={VISITOR}, for={PROXY};proto=https;host={HOST}",
            2,
            Visit(VISITOR, "https", HOST),
        ),
        (f'for={VISITOR} ; host="a\\"b,c;d" ;', 1, Visit(VISITOR, None, 'a"b,c;d')),
        (f'for="evil, for={VISITOR}', 1, Visit(VISITOR)),
        (f'for="evil, for={VISITOR}', 2, Visit(VISITOR)),
        (f"garbage, , for={VISITOR},", 1, Visit(VISITOR)),
        ("garbage", 1, Visit()),
        ("", 1, Visit()),
    ],
    ids=str,
)
def test_forwarded_is_read_as_the_rfc_says(text: str, count: int, visit: Visit) -> None:
    """Quoted or not, with or without a port, and whatever stands before it."""
    assert told({"forwarded": text}, count, FORWARDED) == visit


_values = st.text(st.sampled_from('a1.:_[],;="\\ \t'), max_size=12)
_anything = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=60)
_odd = _values | _anything | st.lists(_values, max_size=4).map(",".join)
_addresses = st.ip_addresses().map(str)


@given(_odd, st.lists(_addresses, min_size=1, max_size=4), st.booleans())
@example('"', ["192.0.2.1"], True)
@example("\\", ["192.0.2.1"], True)
def test_what_the_visitor_writes_never_counts(
    visitors: str, addresses: list[str], all_add: bool
) -> None:
    """If each proxy adds a value, or the outermost writes anew, theirs is what is read."""
    count = len(addresses)
    chain = ", ".join(addresses)
    schemes = ", ".join(["https"] + ["http"] * (count - 1)) if all_add else "https"
    hosts = ", ".join(f"h{number}" for number in range(count)) if all_add else "h0"
    before = f"{visitors}, "
    headers = {
        "x-forwarded-for": before + chain,
        "x-forwarded-proto": before * all_add + schemes,
        "x-forwarded-host": before * all_add + hosts,
        "forwarded": visitors,
    }
    assert told(headers, count) == Visit(address_of(addresses[0]), "https", "h0")


@given(_odd, st.lists(_addresses | _values, min_size=1, max_size=4))
def test_what_the_visitor_writes_never_counts_in_forwarded(
    visitors: str, addresses: list[str]
) -> None:
    """However it is quoted, and whatever the proxies have to quote."""
    elements = []
    for number, address in enumerate(addresses):
        quoted = address.replace("\\", "\\\\").replace('"', '\\"')
        elements.append(f'for="{quoted}";proto=https;host=h{number}')
    headers = {
        "forwarded": ", ".join([visitors, *elements]),
        "x-forwarded-for": visitors,
        "x-forwarded-proto": visitors,
        "x-forwarded-host": visitors,
    }
    assert told(headers, len(addresses), FORWARDED) == Visit(
        address_of(addresses[0]), "https", "h0"
    )


@given(_anything, st.integers(-1, 5))
def test_any_bytes_are_read_as_something(text: str, count: int) -> None:
    """No value of any header is an error, and an address is one, unknown, or hidden."""
    headers = dict.fromkeys(
        (
            "forwarded",
            *(f"x-forwarded-{one}" for one in ("for", "proto", "host", "port", "prefix")),
        ),
        text,
    )
    for kind in ProxyHeaders:
        visit = read_visit(headers, count, kind)
        assert visit.address is None or visit.address.isascii()
        assert visit.address is None or visit.address.isprintable()
        assert visit.scheme in {None, "http", "https"}
    assert len(trusted_elements(text, 3)) <= 3


# What does not fit


@pytest.mark.parametrize(
    ("headers", "count", "words"),
    [
        ({"x-forwarded-for": "1.1.1.1"}, 0, "TRUSTED_PROXIES is 0.*perhaps 1"),
        ({"x-forwarded-for": "1.1.1.1, 2.2.2.2"}, 0, "TRUSTED_PROXIES is 0.*perhaps 2"),
        ({"x-forwarded-proto": "https"}, 0, "perhaps 1"),
        ({"forwarded": "for=1.1.1.1"}, 0, "perhaps 1"),
        ({}, 1, "TRUSTED_PROXIES is 1.*without an address.*should be 0"),
        ({"x-forwarded-for": "1.1.1.1"}, 2, "TRUSTED_PROXIES is 2.*should be 1"),
        ({"x-forwarded-for": "1.1.1.1, 2.2.2.2"}, 1, "TRUSTED_PROXIES is 1.*perhaps 2"),
        (
            {"x-forwarded-for": "1.1.1.1, 2.2.2.2, 3.3.3.3", "x-forwarded-proto": "http, https"},
            3,
            "TRUSTED_PROXIES is 3.*2 values in X-Forwarded-Proto",
        ),
        ({"forwarded": "for=1.1.1.1"}, 1, 'TRUSTED_PROXY_HEADERS is "x-forwarded".*"forwarded"'),
    ],
    ids=str,
)
def test_a_number_that_does_not_fit_is_put_into_words(
    headers: dict[str, str], count: int, words: str
) -> None:
    """The sentence names the option, what was seen, and what the option should perhaps be."""
    misfit = read_visit(headers, count).misfit
    assert misfit is not None
    assert re.search(words, misfit)


def test_what_fits_is_not_told() -> None:
    """Neither where no proxy is expected and none tells, nor where each has its value."""
    assert read_visit({"host": HOST}, 0).misfit is None
    assert read_visit({"forwarded": "for=1.1.1.1, for=2.2.2.2"}, 2, FORWARDED).misfit is None
    both = {"x-forwarded-for": "1.1.1.1", "forwarded": "for=6.6.6.6"}
    assert read_visit(both, 1).misfit is None
    assert read_visit(both, 1, FORWARDED).misfit is None
