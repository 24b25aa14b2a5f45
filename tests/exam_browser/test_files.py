"""Files of settings for Safe Exam Browser, and their Config Key."""

import gzip
import plistlib
from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timApp.guard.exams.sebfile import (
    SEB_FILE_MAX,
    SebSite,
    config_key,
    make_seb_file,
    read_seb_file,
    seb_json,
)
from timApp.guard.rules.exambrowser import is_key
from timApp.util.errors import BadInput

SITE = SebSite("https://exam.example.org/", ["https://lab.example.org:8443"])
#: With all kinds of values, names that differ in the size of letters only in their order, and what
#: JSON would escape.
SETTINGS: dict[str, Any] = {
    "zoom": 1.5,
    "allowWlan": False,
    "AllowQuit": True,
    "empty": {},
    "emptyList": [],
    "originatorVersion": "SEB_Win_3.7",
    "rules": [{"b": 'a "\\d+" / ä', "A": 1, "none": {}}, {}],
    "data": b"\0\xff",
    "when": datetime(2026, 12, 1, 9, 0, 0),  # noqa: DTZ001 - a property list knows no zone
}
JSON = (
    '{"AllowQuit":true,"allowWlan":false,"data":"AP8=","emptyList":[],'
    '"rules":[{"A":1,"b":"a "\\d+" / ä"},{}],"when":"2026-12-01T09:00:00","zoom":1.5}'
)


def test_the_key_is_the_hash_of_the_settings_in_order() -> None:
    """No blanks, nothing escaped, no empty dictionary below a name, and not who has written it."""
    counted = {name: value for name, value in SETTINGS.items() if name != "originatorVersion"}
    assert seb_json(counted) == JSON
    assert config_key(SETTINGS) == sha256(JSON.encode()).hexdigest()


def test_a_file_is_read_packed_or_not() -> None:
    """Its key is the same, and its quit link is known."""
    plain = plistlib.dumps({**SETTINGS, "quitURL": "https://a.example/quit"})
    packed = gzip.compress(plain)
    keys = set()
    for content in (plain, packed, b"plnd" + packed, gzip.compress(b"plnd" + packed)):
        file = read_seb_file(content)
        assert (file.content, file.quit_address) == (content, "https://a.example/quit")
        keys.add(file.key)
    assert len(keys) == 1


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "seb://x", "", 7, "https://a\nb", "https://a\0"]
)
def test_a_quit_link_that_is_no_address_of_the_web_is_none(address: object) -> None:
    """A page that leads there would do something else."""
    content = plistlib.dumps({"quitURL": "@"}).replace(b"@", str(address).encode())
    try:
        assert read_seb_file(content).quit_address is None
    except BadInput:
        assert "\0" in str(address)  # no XML


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a file",
        b"<?xml version='1.0'?><plist>",
        plistlib.dumps([1, 2]),
        plistlib.dumps({"a": 1}, fmt=plistlib.FMT_BINARY),
        gzip.compress(plistlib.dumps({"a": 1}))[:-9],
        b"\x1f\x8bgarbage",
        gzip.compress(b"\0" * 50_000_000)[:SEB_FILE_MAX],
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><plist><dict><key>&a;</key><true/></dict></plist>",
        b"<plist><dict><key>a</key>%b%b</dict></plist>" % (b"<array>" * 5000, b"</array>" * 5000),
        b"<plist><dict><key>n</key><integer>x</integer></dict></plist>",
        b"<plist><dict><key>d</key><date>9</date></dict></plist>",
        b"<?xml version='1.0' encoding='AUTF-8'?><plist><dict/></plist>",
    ],
)
def test_what_is_no_file_of_settings_is_refused(content: bytes) -> None:
    """Nothing is taken of it, however it is broken, and however much it would unpack to."""
    with pytest.raises(BadInput) as refused:
        read_seb_file(content)
    assert refused.value.field == "file"
    assert "no property list" in str(refused.value)


@pytest.mark.parametrize("kind", [b"pswd", b"pwcc", b"pkhs", b"phsk"])
def test_an_encrypted_file_is_refused_with_what_to_do(kind: bytes) -> None:
    """The key can be typed instead."""
    with pytest.raises(BadInput, match=r"is encrypted.*type the key"):
        read_seb_file(gzip.compress(kind + b"secret"))


def test_a_file_that_is_too_long_is_refused() -> None:
    """It says how long one may be."""
    with pytest.raises(BadInput, match="more than 200,000 bytes"):
        read_seb_file(b" " * (SEB_FILE_MAX + 1))


def test_the_file_that_is_made_leads_to_the_exam_and_nowhere_else() -> None:
    """With the exact quit link, its key in headers, and the same key each time it is read."""
    file = make_seb_file(SITE, 7)
    settings = plistlib.loads(file.content)
    assert settings["startURL"] == "https://exam.example.org/seb/exam/7"
    assert settings["quitURL"] == file.quit_address == "https://exam.example.org/seb/exam/7/quit"
    assert settings["sendBrowserExamKey"] is True
    assert settings["URLFilterEnable"] is True
    hosts = [rule["expression"] for rule in settings["URLFilterRules"]]
    assert hosts == ["exam.example.org", "lab.example.org:8443"]
    assert make_seb_file(SITE, 7) == file == read_seb_file(file.content)
    assert make_seb_file(SITE, 8).key != file.key
    assert SITE.start_link(7) == "sebs://exam.example.org/seb/exam/7/exam.seb"
    assert SebSite("http://a.example/").start_link(7) == "seb://a.example/seb/exam/7/exam.seb"


def test_a_password_lets_people_out_and_is_not_in_the_file() -> None:
    """Its hash is; without hosts that are known all addresses stay open."""
    file = make_seb_file(SebSite("https://a.example/", is_closed=False), 7, "let me out")
    settings = plistlib.loads(file.content)
    assert settings["hashedQuitPassword"] == sha256(b"let me out").hexdigest()
    assert b"let me out" not in file.content
    assert "URLFilterEnable" not in settings


_TEXT = st.text(st.characters(categories=("L", "N", "P", "Zs"), exclude_characters="\r"))
_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63) | _TEXT | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(_TEXT, _VALUES, max_size=5))
def test_the_key_does_not_depend_on_how_a_file_is_written(settings: dict[str, Any]) -> None:
    """In whatever order, packed or not, and read again: the same settings have the same key."""
    lower = {name.lower() for name in settings}
    turned = dict(reversed(settings.items())) if len(lower) == len(settings) else settings
    file = read_seb_file(gzip.compress(plistlib.dumps(turned, sort_keys=False)))
    assert file.key == config_key(settings)
    assert is_key(file.key)
    with_originator = config_key({**settings, "originatorVersion": "x"})
    assert with_originator == config_key({**settings, "originatorVersion": "y"})
