"""Password hashes: argon2id, at OWASP's recommended minimum."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from timApp.user.hashing import computed
from timApp.util.errors import BadInput
from timApp.util.text import is_storable

#: Longest password, in characters: hashing must not become a way to keep the server busy.
PASSWORD_MAX_LENGTH = 1024

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB of memory, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def check_password(password: str) -> str:
    """Return the password if it may be one, else raise `BadInput` (field ``password``).

    It has 1 to `PASSWORD_MAX_LENGTH` characters, none of them a NUL or a lone surrogate.
    """
    if not password:
        raise BadInput("The password must not be empty.", field="password")
    if not is_storable(password):
        msg = "The password must not have NUL characters or lone surrogates."
        raise BadInput(msg, field="password")
    if len(password) > PASSWORD_MAX_LENGTH:
        msg = f"The password is longer than {PASSWORD_MAX_LENGTH} characters."
        raise BadInput(msg, field="password")
    return password


def hash_password(password: str) -> str:
    """Return the hash to store of a password of at least one character.

    `Busy` if too many wait for a hash already.
    """
    return computed(lambda: _hasher.hash(password))


def password_matches(password_hash: str | None, password: str) -> bool:
    """Tell whether the password belongs to the hash.

    Without a hash (an unknown user) the answer is False after as much work, so that the time
    it takes does not tell which names exist. A malformed hash never matches.
    `Busy` if too many wait for a hash already.
    """
    return computed(lambda: _verify(password_hash, password))


def hash_is_outdated(password_hash: str) -> bool:
    """Tell whether the hash was made with other parameters than a new one would be."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password_hash: str | None, password: str) -> bool:
    try:
        _hasher.verify(_nobodys_hash() if password_hash is None else password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_hex())
