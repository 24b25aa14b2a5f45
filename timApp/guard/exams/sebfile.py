"""Files of settings for Safe Exam Browser: read, made, and their Config Key.

A file is a property list in XML, packed with gzip or not; how the key comes of it is published at
safeexambrowser.org ("Config Key"). Those that are encrypted nobody can read but the browser.
"""

import base64
import plistlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from timApp.guard.rules.exambrowser import BrowserRule
from timApp.util.errors import BadInput
from timApp.util.text import is_storable

#: Bytes of a file, and of what is packed in it.
SEB_FILE_MAX, _UNPACKED_MAX = 200_000, 2_000_000
#: What a packed file begins with, and one that says that it is not encrypted.
_GZIP, _PLAIN = b"\x1f\x8b", b"plnd"
_ENCRYPTED = frozenset((b"pswd", b"pwcc", b"pkhs", b"phsk"))
#: What the parser raises for what is none; `LookupError` for an encoding that nobody knows.
_UNREADABLE = (
    *(ExpatError, ValueError, TypeError, AttributeError),
    *(LookupError, RecursionError, OverflowError),
)
#: Says which program has written a file; it is no setting, and in no key.
_ORIGINATOR = "originatorVersion"
#: What a wildcard rule for addresses does.
_ALLOW = 1
#: The newer of two ways in which browsers of Apple show a page: their keys come by a script.
_MODERN_VIEW = 3


@dataclass(frozen=True)
class SebFile:
    """A file of settings."""

    content: bytes
    #: Its Config Key.
    key: str
    #: The address that ends the browser; None if there is none that a page can lead to.
    quit_address: str | None


@dataclass(frozen=True)
class SebSite:
    """What a file has to know of the site."""

    #: Where it is, with a slash at the end.
    base_url: str
    #: Other hosts that belong to the exam, by their origins.
    origins: Sequence[str] = ()
    #: Whether it leads nowhere else, so that all other addresses can be closed.
    is_closed: bool = True

    def start_address(self, exam_id: int) -> str:
        """Return where the browser begins."""
        return f"{self.base_url}seb/exam/{exam_id}"

    def file_address(self, exam_id: int) -> str:
        """Return where the file of settings is."""
        return f"{self.start_address(exam_id)}/exam.seb"

    def start_link(self, exam_id: int) -> str:
        """Return the link that opens the browser with the file: ``sebs`` for ``https``."""
        return "seb" + self.file_address(exam_id).removeprefix("http")

    def quit_address(self, exam_id: int) -> str:
        """Return the address at which the browser ends."""
        return f"{self.start_address(exam_id)}/quit"


def seb_json(value: Any) -> str:
    """Return settings as the text of which the key is made; see `config_key`.

    Names in order, whatever the size of their letters, no blanks, nothing escaped, and no empty
    dictionary below a name.
    """
    match value:
        case bool() | int() | float():
            return repr(value).lower()
        case str():
            return f'"{value}"'
        case bytes():
            return f'"{base64.b64encode(value).decode()}"'
        case datetime():
            return f'"{value.isoformat()}"'
        case list():
            return f"[{','.join(map(seb_json, value))}]"
    names = sorted((name for name in value if value[name] != {}), key=str.lower)
    return "{" + ",".join(f'"{name}":{seb_json(value[name])}' for name in names) + "}"


def config_key(settings: Mapping[str, Any]) -> str:
    """Return the Config Key of settings: 64 hexadecimal digits."""
    counted = {name: value for name, value in settings.items() if name != _ORIGINATOR}
    return sha256(seb_json(counted).encode("utf-8", "surrogatepass")).hexdigest()


def read_seb_file(content: bytes) -> SebFile:
    """Return a file that somebody has made; `BadInput` (field ``file``) if it cannot be used.

    It cannot if it is too long, encrypted, or no property list in XML.
    """
    if len(content) > SEB_FILE_MAX:
        raise BadInput(
            "The file has more than %(most)s bytes.", field="file", most=f"{SEB_FILE_MAX:,}"
        )
    plain = _unpacked(content)
    if plain[:4] == _PLAIN:
        plain = _unpacked(plain[4:])
    if plain[:4] in _ENCRYPTED:
        raise BadInput(
            "This file is encrypted, so its Config Key is known to the browser alone. Upload one"
            " that is not, or type the key into the form of the exam and hand the file out"
            " yourself.",
            field="file",
        )
    try:
        settings = plistlib.loads(plain, fmt=plistlib.FMT_XML)
        key = config_key(settings) if isinstance(settings, dict) else None
    except _UNREADABLE:
        key = None
    if key is None:
        raise BadInput(
            "This is no file of settings of Safe Exam Browser: no property list in XML.",
            field="file",
        )
    return SebFile(content, key, _page_address(settings.get("quitURL")))


def make_seb_file(site: SebSite, exam_id: int, quit_password: str = "") -> SebFile:
    """Return the file of an exam: the same one each time, for the same site and password.

    Whoever knows the password may leave the browser; without one, everybody may.
    """
    quit_address = site.quit_address(exam_id)
    settings: dict[str, Any] = {
        _ORIGINATOR: "timApp",
        "sebConfigPurpose": 0,
        "startURL": site.start_address(exam_id),
        "quitURL": quit_address,
        "quitURLConfirm": False,
        "sendBrowserExamKey": True,
        "browserWindowWebView": _MODERN_VIEW,
        "examSessionClearCookiesOnStart": True,
        "examSessionClearCookiesOnEnd": True,
        "allowPreferencesWindow": False,
        "allowQuit": True,
    }
    if quit_password:
        settings["hashedQuitPassword"] = sha256(quit_password.encode()).hexdigest()
    if site.is_closed:
        hosts = sorted({urlsplit(one).netloc for one in (site.base_url, *site.origins)})
        settings["URLFilterEnable"] = True
        settings["URLFilterEnableContentFilter"] = False
        settings["URLFilterRules"] = [
            {"action": _ALLOW, "active": True, "expression": host, "regex": False} for host in hosts
        ]
    return SebFile(plistlib.dumps(settings), config_key(settings), quit_address)


def needs_file(rule: BrowserRule, config_key_typed: str | None, seb_key: str | None) -> bool:
    """Tell whether a file has to be made, as the exam asks for the browser and has no settings."""
    return rule is not BrowserRule.NO and not config_key_typed and not seb_key


def _unpacked(content: bytes) -> bytes:
    if content[:2] != _GZIP:
        return content
    packed = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = packed.decompress(content, _UNPACKED_MAX)
    except zlib.error:
        return b""
    # A file that is cut off, or has far more in it than any has.
    return plain if packed.eof else b""


def _page_address(address: object) -> str | None:
    """Return an address that a page can lead to; None for anything else."""
    if not isinstance(address, str) or not is_storable(address):
        return None
    is_web = address.lower().startswith(("http://", "https://"))
    return address if is_web and address.isprintable() else None
