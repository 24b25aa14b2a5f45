"""What kind of device a session comes from."""

import re
from dataclasses import dataclass
from functools import lru_cache

from ua_parser import parse

_ORIGIN = re.compile(r"\[(?P<address>[^\]]*)\] (?P<user_agent>.*)", re.DOTALL)
#: Longest text of an origin that is shown as it is, in characters.
_SHOWN_MAX_LENGTH = 80


_SEB = "Safe Exam Browser"
#: Browsers that lock a computer down for an exam, which say that they are another browser, too.
_EXAM_BROWSERS = (
    (re.compile(r"\b(?:SEB|SafeExamBrowser)[/ ](\d+)?"), _SEB),
    (re.compile(r"\b(?:RLDB|LockDown ?Browser)[/ ]?(\d+)?", re.IGNORECASE), "LockDown Browser"),
)


@dataclass(frozen=True)
class Device:
    """Where a session comes from."""

    #: Network address; empty if unknown.
    address: str
    #: Such as "Firefox 133", or the first words of what an unknown browser says of itself.
    browser: str
    #: Such as "Windows 10"; empty if unknown.
    system: str = ""

    @property
    def is_seb(self) -> bool:
        """Whether it calls itself Safe Exam Browser."""
        return self.browser.startswith(_SEB)


@lru_cache(maxsize=4096)
def device_of(origin: str) -> Device:
    """Return what an origin tells, such as "Firefox 133" on "Windows 10"."""
    match = _ORIGIN.fullmatch(origin)
    address, user_agent = (match["address"], match["user_agent"]) if match else ("", origin)
    found = parse(user_agent)
    browser = found.user_agent and _with_version(found.user_agent.family, found.user_agent.major)
    for pattern, name in _EXAM_BROWSERS:
        exam_browser = pattern.search(user_agent)
        if exam_browser:
            browser = _with_version(name, exam_browser[1])
    system = found.os and _with_version(found.os.family, found.os.major)
    if not browser:
        return Device(address, user_agent[:_SHOWN_MAX_LENGTH])
    return Device(address, browser, system or "")


def _with_version(name: str, major: str | None) -> str:
    return f"{name} {major}" if major else name
