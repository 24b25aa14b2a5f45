"""What people of a class list log in with for the first time: made-up passwords, on slips."""

import os
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from timApp.user.password import quick_hash
from timApp.user.roster.plan import Entry

#: Characters of made-up passwords: none that is taken for another one.
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_DIGITS = "23456789"
#: Some 52 bits: beyond guessing at a login, and at the hash for as long as anybody cares.
_MADE_UP = (_LETTERS, _LETTERS, _LETTERS, _DIGITS, _DIGITS)
_MADE_UP_PARTS = 2


@dataclass(frozen=True)
class FirstPassword:
    """A password, and what is stored of it until it is hashed well; see `timApp.user.password`."""

    text: str
    quick_hash: str


@dataclass(frozen=True)
class Slip:
    """With what somebody logs in."""

    user_id: int
    name: str
    real_name: str
    seat: str
    password: str
    #: What is stored of the password until it is hashed well.
    quick_hash: str


def made_up_password() -> str:
    """Return a password that nobody guesses, and that is typed off a slip without a mistake."""
    return "-".join(
        "".join(secrets.choice(kind) for kind in _MADE_UP) for _ in range(_MADE_UP_PARTS)
    )


def first_passwords(entries: Iterable[Entry]) -> dict[Entry, FirstPassword]:
    """Return the passwords of the list, or made-up ones; the hashes keep all cores busy."""
    chosen = [(entry, entry.password or made_up_password()) for entry in entries]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = list(pool.map(quick_hash, [password for _, password in chosen]))
    return {
        entry: FirstPassword(password, known)
        for (entry, password), known in zip(chosen, hashes, strict=True)
    }


def slip_of(user_id: int, name: str, entry: Entry, real_name: str, first: FirstPassword) -> Slip:
    """Return the slip of somebody with the seat of the list."""
    return Slip(user_id, name, real_name, entry.seat, first.text, first.quick_hash)
