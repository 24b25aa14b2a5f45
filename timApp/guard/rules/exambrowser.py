"""Whether somebody is in Safe Exam Browser with the settings of an exam: pure functions of values.

The browser has a key of its settings (the Config Key), and one of its build and its settings (the
Browser Exam Key). It never shows them: with each address it sends hashes, of the address and a key.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

_KEY = re.compile(r"[0-9a-f]{64}")


class BrowserRule(Enum):
    """Whether an exam asks for Safe Exam Browser."""

    NO = "no"
    #: Supervisors are shown who is in it.
    SHOWN = "shown"
    #: Whoever is not in it, with the right settings, opens nothing of the exam.
    REQUIRED = "required"


class KeyState(Enum):
    """What is known of the exam browser of a session."""

    #: It has shown no key.
    NONE = "none"
    #: A key that is none of the exam's, or is for another address.
    WRONG = "wrong"
    #: The headers of a request had the right one.
    RIGHT = "right"
    #: A script of a page has told the right one; nothing comes in the headers.
    TOLD = "told"

    @property
    def is_right(self) -> bool:
        """Whether it is the exam's."""
        return self in {KeyState.RIGHT, KeyState.TOLD}


#: Of several, the one that counts is the last of these.
_ORDER = (KeyState.NONE, KeyState.WRONG, KeyState.RIGHT, KeyState.TOLD)


@dataclass(frozen=True)
class ExamKeys:
    """The keys of an exam, in small letters."""

    #: Of its settings; one of them has to be shown, if there is any.
    config_keys: tuple[str, ...] = ()
    #: Of the builds that may be used; one of them has to be shown, if there is any.
    browser_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownKeys:
    """What a browser has shown, for an address."""

    #: That of its window, as it sends it.
    address: str
    #: The hash of the Config Key and that of the Browser Exam Key; None if there is none.
    config_hash: str | None = None
    browser_hash: str | None = None
    #: What the session has shown before; None if nobody has looked.
    before: KeyState | None = None
    #: Whether a page is asked for, and not what a page fetches.
    is_page: bool = True


NO_KEYS = ExamKeys()


def is_key(text: str) -> bool:
    """Tell whether a text is a key: 64 hexadecimal digits, in small letters."""
    return _KEY.fullmatch(text) is not None


def hash_of(address: str, key: str) -> str:
    """Return what a browser with that key shows for an address, without what follows a ``#``."""
    return sha256((address.partition("#")[0] + key).encode("utf-8", "surrogatepass")).hexdigest()


def judge(shown: ShownKeys, keys: ExamKeys) -> KeyState:
    """Return what it is that a browser has shown, by itself; without keys nothing is right."""
    if not shown.config_hash and not shown.browser_hash:
        return KeyState.NONE
    wanted = [
        (shown.config_hash, keys.config_keys),
        (shown.browser_hash, keys.browser_keys),
    ]
    asked = [_is_one_of(shown.address, given, known) for given, known in wanted if known]
    return KeyState.RIGHT if asked and all(asked) else KeyState.WRONG


def state_of(shown: ShownKeys, keys: ExamKeys) -> KeyState:
    """Return what counts for the session when a browser has shown that.

    What was told by a script counts for as long as the session lives, unless a wrong key is shown.
    Where keys come in headers each page is judged by its own. What a page fetches may come without:
    browsers put none on a websocket.
    """
    judged = judge(shown, keys)
    if judged is KeyState.NONE and shown.before is not None:
        is_kept = shown.before is KeyState.TOLD or not shown.is_page
        return shown.before if is_kept else judged
    if judged is KeyState.RIGHT and shown.before is KeyState.TOLD:
        return KeyState.TOLD
    return judged


def best_of(states: Iterable[KeyState]) -> KeyState | None:
    """Return which of the states of several exams counts; None if there is none."""
    return max(states, key=_ORDER.index, default=None)


def _is_one_of(address: str, given: str | None, keys: Iterable[str]) -> bool:
    text = (given or "").strip().lower().encode("utf-8", "replace")
    # Each of them is looked at, so that the time tells nothing of which it is.
    found = [hmac.compare_digest(text, hash_of(address, key).encode()) for key in keys]
    return any(found)
