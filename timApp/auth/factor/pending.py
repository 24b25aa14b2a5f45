"""Between password and passkey: a login that has not begun, and that nothing knows but its browser.

No session is there yet: nothing is open, and nobody is blocked by it. What the browser keeps is
signed, and good for a few minutes; and it is of no use without the passkey.
"""

import hashlib
import secrets
from dataclasses import asdict, dataclass

from flask import session

from timApp.user.factor.challenge import CHALLENGE_LIFETIME
from timApp.user.federated import Word
from timApp.user.people import Person
from timApp.util.clock import counts_still, current_second
from timApp.util.errors import AccessDenied

_KEY = "passkey_login"
_NONCE_BYTES = 16


class PasskeyNeeded(AccessDenied):
    """The right password was given, and a passkey has to be."""

    def __init__(self, text: str, person: Person) -> None:
        super().__init__(text)
        self.person = person


@dataclass(frozen=True)
class PendingLogin:
    """A login of which the password was right."""

    user_name: str
    user_id: int
    #: Stands for the hash of the password.
    proof: str
    #: When the password was given, in seconds since 1970.
    given_at: int
    #: Stands for this attempt to log in.
    nonce: str
    #: By whose word it begins; None for a password.
    word: Word | None = None


def begin_pending(person: Person, word: Word | None = None) -> None:
    """Remember in the browser that the person has given their password, and nothing else.

    Or that somebody has given their `word` in place of it.
    """
    pending = PendingLogin(
        person.name,
        person.id,
        proof_of(person),
        current_second(),
        secrets.token_hex(_NONCE_BYTES),
        word,
    )
    session[_KEY] = asdict(pending)


def find_pending() -> PendingLogin | None:
    """Return the login of this browser for which a passkey is awaited; None if there is none."""
    kept = session.get(_KEY)
    if not isinstance(kept, dict):
        return None
    try:
        word = kept.get("word")
        pending = PendingLogin(**(kept | {"word": None if word is None else Word(**word)}))
    except TypeError:  # of a version that keeps something else
        return None
    is_young = counts_still(pending.given_at, CHALLENGE_LIFETIME.total_seconds())
    return pending if is_young else None


def proof_of(person: Person) -> str:
    """Return what stands for the password that somebody has; another one for another one."""
    return hashlib.sha256((person.password_hash or "").encode()).hexdigest()
