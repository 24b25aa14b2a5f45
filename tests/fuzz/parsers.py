"""Everything of ours that reads what others have written, with what it may raise."""

import csv
import io
import posixpath
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from hypothesis import strategies as st
from itsdangerous import BadSignature
from yarl import URL

from tests.ways.platform import claims_of, new_key, signed
from tests.workbook import xlsx
from timApp import defaultconfig
from timApp.auth.ways.header import HeaderNames, read_vouched
from timApp.auth.ways.launch import LaunchRefused, Platform, read_launch
from timApp.auth.ways.samlform import SamlRefused, read_form
from timApp.config import database_url, load_config
from timApp.document.markdown import render_markdown, title_of
from timApp.document.path import normal_path
from timApp.gate.asked import read_envoy, read_forward, read_nginx
from timApp.guard.cookie import Claims, Cookies
from timApp.guard.exams.receipt import HandInReceipt, HandInReceipts
from timApp.guard.seats.file import read_seats
from timApp.guard.seats.link import SeatLinks
from timApp.guard.seats.name import seat_name
from timApp.guard.seats.network import read_network
from timApp.guard.waiting.code import is_like_code, is_near, normal_code
from timApp.guard.waiting.link import Links
from timApp.hosts.questions.wire import read_person, read_waiting
from timApp.net.note import ChangeNote, read_change_note
from timApp.net.signature import InvalidSignature, Message, sign_request, verify_request
from timApp.pages.administer.cursor import read_cursor
from timApp.pages.entry import entry_number
from timApp.pages.supervise.typed import understand
from timApp.request.guarded import GuardedHosts
from timApp.request.local import local_address
from timApp.request.masked import masked_path
from timApp.request.peer import PEER
from timApp.user.roster.columns import Column, find_columns
from timApp.user.roster.plan import Present, plan, read_entries
from timApp.user.roster.sheet import read_sheet
from timApp.util.clock import now
from timApp.util.errors import BadInput, ConfigError, TimError
from timApp.util.folded import folded
from timApp.util.forwarded import ProxyHeaders, read_visit
from timApp.util.lookalikes import look_of, looks_to_find
from timApp.util.names import check_new_name, key_of
from timApp.util.stamp import Stamp
from timApp.util.target import read_target

_KEYS = ["the first key of the tests", "the second key of the tests"]
_SECRET = "the secret of the tests"
_URL = "https://exam.example.org/hosts/check"
_OPTIONS = sorted(name for name in vars(defaultconfig) if name.isupper())


@dataclass(frozen=True)
class Parser:
    """Something that reads."""

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    #: What it may raise for what it cannot read; all else is a fault.
    raises: tuple[type[Exception], ...] = ()

    def try_on(self, given: object) -> None:
        """Read something; any other error than those that are meant gets through."""
        with suppress(*self.raises):
            self.read(given)


def near(*right: str) -> st.SearchStrategy[str]:
    """Return texts that are nearly right, and some that are nothing like it."""
    text = st.text(st.characters(), max_size=8)

    def broken(whole: str, at: int, length: int, put: str) -> str:
        place = at % (len(whole) + 1)
        return whole[:place] + put + whole[place + length :]

    return st.one_of(
        st.text(max_size=60),
        st.builds(broken, st.sampled_from(right), st.integers(0, 999), st.integers(0, 9), text),
    )


def near_bytes(*right: bytes) -> st.SearchStrategy[bytes]:
    """Return bytes that are nearly right, with up to three changes, and some like nothing."""

    def broken(whole: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for at, length, put in changes:
            place = at % (len(whole) + 1)
            whole = whole[:place] + put + whole[place + length :]
        return whole

    change = st.tuples(st.integers(0, 99_999), st.integers(0, 20), st.binary(max_size=8))
    changes = st.lists(change, min_size=1, max_size=3)
    return st.one_of(st.binary(max_size=80), st.builds(broken, st.sampled_from(right), changes))


def _json(*leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), *leaves)
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )


def _entry(**right: str | bool | None) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with these members, of which some say something else."""
    return st.fixed_dictionaries(
        {}, optional={name: st.just(value) | _json() for name, value in right.items()}
    )


def _class_list(content: bytes) -> None:
    """Read a list as far as the page does that shows what it would change."""
    sheet = read_sheet(content)
    columns = find_columns(sheet.heading, {0: Column.NAME})
    plan(read_entries(sheet.rows, columns), Present())


def _csv(rows: list[list[str]], delimiter: str = ",") -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue().encode()


def _message(part: str) -> Callable[[str], Message]:
    def with_part(value: str) -> Message:
        right = sign_request(_URL, b"{}", _SECRET)
        return Message(right.method, right.url, {**right.headers, part: value}, right.body)

    return with_part


def _environment(said: tuple[str, str]) -> None:
    name, text = said
    if "\0" not in text:  # no environment has one
        database_url(load_config(environ={f"TIM_{name}": text}))


def _visit(headers: Mapping[str, str]) -> None:
    for kind in ProxyHeaders:
        read_visit(headers, 2, kind)


_HOSTS = GuardedHosts.of({"https://lab.example.org": {"open": ["/public/*"]}})


def _gate(address: str) -> None:
    """Ask the gate as proxies do; what it lets pass is meant so by whoever reads it after it."""
    asked = read_nginx({"x-original-url": address}.get)
    read_forward(
        {"x-forwarded-proto": "https", "x-forwarded-host": "a", "x-forwarded-uri": address}.get
    )
    read_envoy({"host": "lab.example.org"}.get, address, "https")
    host = _HOSTS.find(address)
    if asked is not None and host is not None:
        assert URL(address).host == "lab.example.org"
        if host.is_open(asked.path):
            assert posixpath.normpath(unquote(asked.path)).startswith("/public")


_COOKIES = Cookies(_KEYS)
_COOKIE = _COOKIES.issue(Claims(7, "a session", 3))
_LINKS = Links(*_KEYS)
_LINK = _LINKS.sign("alice", "a session")
_SEATS, _RECEIPTS = SeatLinks(*_KEYS), HandInReceipts(*_KEYS)
_RECEIPT = _RECEIPTS.write(HandInReceipt("alice", "Alice", "Algebra", now()))
_SIGNED = sign_request(_URL, b"{}", _SECRET).headers
_ROWS = [["Username", "Name", "Groups"], ["ann", "Ann", "A, B"], ["bo", '"Bo"', ""]]
_TIME = now().isoformat()
_SESSION = _entry(
    session_id="s",
    origin="o",
    logged_in_at=_TIME,
    last_seen_at=_TIME,
    is_active=True,
    is_logged_out=False,
    seat="B-14",
    address_seat="B-15",
)
_WAITING = _entry(
    code="KX47", user_name="ann", real_name="Ann", session_id="s", origin="o", since=_TIME, seat="B"
)
_NAMES = near("ann", "Ännä Ö", "a.b+c@example.org", "\N{CYRILLIC SMALL LETTER A}nn", "ﬀ")

#: By name. What is signed is read with our keys, what is nearly so must be refused like the rest.
_LAUNCH_KEY = new_key()
_LAUNCH = claims_of("ann", "https://lms.example.org", "nonce")
_PLATFORM = Platform("https://lms.example.org", "exam", "", "", frozenset({"7"}), "custom.username")
_HEADERS = HeaderNames(["192.0.2.1"], "User", None, "Mail", "Groups")
_SAML = (
    '<?xml version="1.0" encoding="UTF-8"?><p:Response ID="a"'
    ' xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"'
    ' xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion"'
    ' xmlns:d="http://www.w3.org/2000/09/xmldsig#"><s:Assertion ID="b"><d:Signature>'
    '<d:SignedInfo><d:SignatureMethod Algorithm="#rsa-sha256"/><d:Reference URI="#b">'
    '<d:DigestMethod Algorithm="#sha256"/></d:Reference></d:SignedInfo></d:Signature>'
    '<s:Subject><s:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/>'
    "</s:Subject></s:Assertion></p:Response>"
)

PARSERS = {
    "cookie": Parser(near(_COOKIE), _COOKIES.read, (BadSignature, UnicodeError)),
    "cookie's claims": Parser(near(_COOKIE), _COOKIES.claims),
    "cookie of a browser": Parser(near(_COOKIES.name_browser()), _COOKIES.device),
    "cookie of a seat": Parser(near(_COOKIES.give_seat("B-14")), _COOKIES.seat),
    "content of a cookie": Parser(
        st.dictionaries(st.sampled_from(["_user_id", "session_id", "token"]) | st.text(), _json()),
        lambda content: _COOKIES.claims(_COOKIES.sign(content)),
    ),
    "link of a QR code": Parser(near(_LINK), _LINKS.read, (BadInput,)),
    "link of a seat": Parser(
        st.tuples(near("B-14"), near(_SEATS.address("", "B-14").partition("signature=")[2])),
        lambda said: _SEATS.read(*said),
        (BadInput,),
    ),
    "receipt": Parser(near(_RECEIPT), _RECEIPTS.read, (BadInput,)),
    "code": Parser(
        near("KX47", "kx 47"),
        lambda text: (normal_code(text), is_like_code(text), is_near("KX47", text)),
    ),
    "search field": Parser(
        near("KX47", "ann#a session", f"https://exam.example.org/supervise/link/{_LINK}"),
        lambda text: (understand(text), folded(text)),
    ),
    "user name": Parser(_NAMES, check_new_name, (BadInput,)),
    "name to compare": Parser(
        _NAMES, lambda text: (key_of(text), look_of(text), looks_to_find(text))
    ),
    "path of a document": Parser(near("exam/part 1", "Ä/ö"), normal_path, (BadInput,)),
    "Markdown": Parser(
        near("# A *b*\n\n| a | b |\n|--|--|\n| ![c](d.png) | [e](https://f.example) |\n"),
        lambda text: (render_markdown(text), title_of(text, text)),
    ),
    "file of seats": Parser(
        near_bytes(b"Address;Seat\n10.1.2.14;B-14\n2001:db8::/64;B-15\n# none\n"),
        read_seats,
        (BadInput,),
    ),
    "seat": Parser(near("B-14"), seat_name, (BadInput,)),
    "network": Parser(
        near("10.1.2.0/24", "::ffff:10.1.2.3", "fe80::1%eth0"), read_network, (BadInput,)
    ),
    "class list in CSV": Parser(
        near_bytes(_csv(_ROWS), _csv(_ROWS, ";"), b"sep=|\r\n" + _csv(_ROWS, "|")),
        _class_list,
        (BadInput,),
    ),
    "class list in UTF-16": Parser(
        near_bytes(_csv(_ROWS).decode().encode("utf-16")), _class_list, (BadInput,)
    ),
    "class list in XLSX": Parser(near_bytes(xlsx(_ROWS)), _class_list, (BadInput,)),
    "option in the environment": Parser(
        st.tuples(
            st.sampled_from(_OPTIONS),
            near(
                "1", "true", "none", '["10.0.0.0/8"]', '{"a": {"hosts": ["http://a"]}}', "http://a"
            ),
        ),
        _environment,
        (ConfigError,),
    ),
    "note of a change": Parser(near(ChangeNote(Stamp(now()), "ann").header()), read_change_note),
    "signature": Parser(
        near(_SIGNED["Signature"]).map(_message("Signature")),
        lambda message: verify_request(message, [_SECRET]),
        (InvalidSignature,),
    ),
    "input of a signature": Parser(
        near(_SIGNED["Signature-Input"]).map(_message("Signature-Input")),
        lambda message: verify_request(message, [_SECRET]),
        (InvalidSignature,),
    ),
    "who waits on another host": Parser(
        _json(_WAITING) | st.lists(_WAITING, max_size=3),
        lambda content: read_waiting(content, now()),
    ),
    "a person on another host": Parser(
        _json() | st.fixed_dictionaries({"real_name": st.text(), "sessions": st.lists(_SESSION)}),
        lambda content: read_person(content, now()),
    ),
    "headers of a proxy": Parser(
        st.dictionaries(
            st.sampled_from(
                [
                    "forwarded",
                    *(f"x-forwarded-{name}" for name in ("for", "proto", "host", "prefix")),
                ]
            ),
            near('for="[2001:db8::1]:80";proto=https;host=a', "192.0.2.1, 10.0.0.1", "https", "/a"),
        ),
        _visit,
        (TimError,),
    ),
    "header of who it is": Parser(
        st.dictionaries(
            st.sampled_from(["HTTP_USER", "HTTP_GROUPS", "HTTP_MAIL", "REMOTE_USER"]),
            near("ann", "a, b;c", "(null)").map(
                lambda text: text.encode("utf-8", "replace").decode("latin-1")
            ),
        ),
        lambda said: read_vouched({PEER: "192.0.2.1", **said}, _HEADERS),
        (TimError,),
    ),
    "launch from a course": Parser(
        st.one_of(
            near(signed(_LAUNCH, _LAUNCH_KEY)),
            st.fixed_dictionaries(
                {}, optional={name: st.just(value) | _json() for name, value in _LAUNCH.items()}
            ).map(lambda said: signed(said, _LAUNCH_KEY)),
        ),
        lambda text: read_launch(text, [_LAUNCH_KEY.as_dict(private=False)], _PLATFORM, "nonce"),
        (LaunchRefused,),
    ),
    "SAML response": Parser(
        near(_SAML).map(lambda text: b64encode(text.encode("utf-8", "surrogatepass")).decode())
        | near(b64encode(_SAML.encode()).decode()),
        read_form,
        (SamlRefused,),
    ),
    "target of a request": Parser(near("/a?b", "http://a.example/b?c"), read_target, (TimError,)),
    "place in a list": Parser(near("WyJhbm4iLG51bGwsbnVsbF0"), read_cursor, (BadInput,)),
    "number of an entry": Parser(near("12", "١٢", "²"), entry_number),
    "address at the gate": Parser(
        near(
            "https://lab.example.org/public/a?b",
            "https://lab.example.org:443/public/%2e%2e/c",
            "https://lab.example.org@a.example/public/a",
            "https://a.example/public/../a#https://lab.example.org/",
        ),
        _gate,
    ),
    "address to go on to": Parser(near("/a?b=c", "//a", "/\\a"), local_address),
    "path for a log": Parser(
        near("/user/sessions/ann/verify?a", "/%zz"),
        lambda target: masked_path("/user/sessions/<name:user>/verify", target).encode("ascii"),
    ),
}
