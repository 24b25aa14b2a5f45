"""How much a request may hold."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from timApp.util.errors import TimError
from timApp.util.limits import (
    ADDRESS_MAX,
    ESCAPES_MAX,
    FIELDS_MAX,
    FORM_FIELDS_MAX,
    FORM_MAX,
    FORM_TYPE,
    HEADERS_MAX,
    NESTING_MAX,
    check_address,
    check_body,
    check_headers,
)

JSON = "application/json"
MEGABYTE = 1_048_576


def refusal(content_type: str, body: bytes) -> int | None:
    """Return the status with which a body is refused, or None."""
    try:
        check_body(content_type, body)
    except TimError as error:
        return error.status
    return None


def measures(value: object) -> tuple[int, int]:
    """Return how many commas a JSON value has, and how deeply it is nested."""
    if not isinstance(value, dict | list):
        return 0, 0
    inner = [measures(one) for one in (value.values() if isinstance(value, dict) else value)]
    commas = max(0, len(inner) - 1) + sum(one for one, _ in inner)
    return commas, 1 + max((depth for _, depth in inner), default=0)


_texts = st.text(st.sampled_from('a",:[]{}\\é\n\0\ud800'), max_size=8)
_values = st.recursive(
    st.none() | st.integers() | _texts,
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(_texts, inner, max_size=40),
    max_leaves=60,
)


@given(_values, st.booleans())
@example(["[" * 1000 + '\\",' * 1000] * 3, True)
@example({"\\": "\\\\", '\\"': '"\\'}, False)
def test_what_stands_in_texts_of_a_json_does_not_count(value: Any, ascii_only: bool) -> None:
    """A JSON with few members passes whatever its texts are made of."""
    commas, depth = measures(value)
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert commas < FIELDS_MAX
    assert refusal(JSON, text) == (413 if depth > NESTING_MAX else None)


def array(length: int) -> bytes:
    """Return an array of that many members."""
    return b"[" + b",".join([b'"a,b"'] * length) + b"]"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", None),
        (b'{"session_id": "a"}', None),
        (array(FIELDS_MAX), None),
        (array(FIELDS_MAX + 1), 413),
        (b"[" * NESTING_MAX + b"]" * NESTING_MAX, None),
        (b"[" * (NESTING_MAX + 1) + b"]" * (NESTING_MAX + 1), 413),
        (b'{"a":' * (NESTING_MAX + 1), 413),
        (b"[]" * FIELDS_MAX, None),  # no JSON, and harmless
        (b"{" + b",".join(b'"%d":1' % number for number in range(50_000)) + b"}", 413),
        (b'"' + b"x" * (MEGABYTE - 2) + b'"', None),
        (b'"' + b"," * (MEGABYTE - 2) + b'"', None),
        *((mark * (MEGABYTE // len(mark)), 413) for mark in (b'"', b"[", b"{", b"}", b"[]", b",")),
        (b'"\\\\",' * 100_000, 413),
        (b'\\"' * 500_000, None),  # no JSON either; the parser gives up at the first
    ],
    ids=lambda value: ascii(value[:12]) if isinstance(value, bytes) else str(value),
)
def test_a_json_has_so_many_members_and_is_nested_so_deeply(
    body: bytes, status: int | None
) -> None:
    """More members, or deeper ones, than anybody has reason to send are refused."""
    assert refusal(JSON, body) == status
    assert refusal("application/problem+JSON ; charset=utf-8", body) == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", None),
        (b"&".join([b"a=b"] * FORM_FIELDS_MAX), None),
        (b"&".join([b"a=b"] * (FORM_FIELDS_MAX + 1)), 413),
        (b"&" * 100_000, 413),
        (b"a=" + b"x" * (FORM_MAX - 2), None),
        (b"a=" + b"x" * (FORM_MAX - 1), 413),
        (b"a=" + b"%41" * ESCAPES_MAX, None),
        (b"a=" + b"%41" * (ESCAPES_MAX + 1), 413),
    ],
    ids=lambda value: ascii(value[:12]) if isinstance(value, bytes) else str(value),
)
def test_a_form_has_so_many_fields(body: bytes, status: int | None) -> None:
    """More fields or bytes than a page of sessions has are refused."""
    assert refusal(FORM_TYPE, body) == status
    assert refusal(f"{FORM_TYPE.upper()};charset=utf-8", body) == status


def test_a_body_that_nobody_parses_is_not_judged() -> None:
    """Of text and of forms in parts nothing is said here."""
    for kind in ("", "text/plain", "multipart/form-data; boundary=b", ";"):
        assert refusal(kind, b"&,[" * 1000) is None


def test_an_address_has_so_many_bytes_and_fields() -> None:
    """Longer paths and queries, and more fields, are refused with 414."""
    check_address("/" * ADDRESS_MAX, "a&" * (FIELDS_MAX - 1))
    for path, query in (("/" * (ADDRESS_MAX + 1), ""), ("", "x" * (ADDRESS_MAX + 1))):
        with pytest.raises(TimError) as caught:
            check_address(path, query)
        assert caught.value.status == 414
    with pytest.raises(TimError, match="fields"):
        check_address("/", "&" * FIELDS_MAX)


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_COOKIE": "a=b; " * 300},
        {"HTTP_COOKIE": "a=" + "x" * 40_000},
        {"HTTP_ACCEPT": "a/b," * 100},
        {"HTTP_ACCEPT": "x" * 5000},
        {"HTTP_ACCEPT_LANGUAGE": "a," * 1000},
        {"HTTP_IF_NONE_MATCH": '"a",' * 1000},
        {"HTTP_RANGE": "bytes=" + "0-0," * 20},
        {"HTTP_X_FORWARDED_FOR": "10.0.0.1," * 101},
        {"HTTP_FORWARDED": "for=1," * 1000},
        {"HTTP_SIGNATURE_INPUT": "x" * 9000},
        {"CONTENT_TYPE": "a/b" + ";a=b" * 30},
        {f"HTTP_X_{number}": "" for number in range(HEADERS_MAX * 2)},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_headers_that_are_parsed_are_short(headers: Mapping[str, str]) -> None:
    """A header that is longer, or of more items, than browsers send is refused with 431."""
    with pytest.raises(TimError) as caught:
        check_headers(headers)
    assert caught.value.status == 431
    assert caught.value.message.isprintable()


def test_headers_of_browsers_and_of_other_programs_pass() -> None:
    """Many cookies, long lists of languages and headers that nobody reads are no reason."""
    check_headers(
        {
            "HTTP_COOKIE": "; ".join(["name=" + "x" * 60] * 180),
            "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "HTTP_ACCEPT_LANGUAGE": ",".join(f"{one}-FI;q=0.{one}" for one in range(60)),
            "HTTP_USER_AGENT": "x" * 60_000,
            "HTTP_REFERER": "," * 60_000,
            **{f"HTTP_X_{number}": "" for number in range(HEADERS_MAX - 10)},
        }
    )
