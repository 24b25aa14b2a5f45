"""Password hashes: argon2id, at OWASP's recommended minimum, of passwords as RFC 8265 has them.

Its OpaqueString is one for what different keyboards make of a password: in normal form, with the
common blank for any other.
"""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from precis_i18n import get_profile

from timApp.user.hashing import computed
from timApp.util.errors import BadInput
from timApp.util.text import is_storable

#: Longest password, in characters: hashing must not become a way to keep the server busy.
PASSWORD_MAX_LENGTH = 1024

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB of memory, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Of passwords of a class list until they are hashed well: a thousand of them take a second.
_quick_hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
_profile = get_profile("OpaqueString")


def check_password(password: str) -> str:
    """Return the password if it may be one, else raise `BadInput` (field ``password``).

    It has 1 to `PASSWORD_MAX_LENGTH` characters, each of which RFC 8265 allows: none that controls
    something or is not seen, and none that Unicode does not know.
    """
    if not password:
        raise BadInput("The password must not be empty.", field="password")
    if not is_storable(password):
        msg = "The password must not have NUL characters or lone surrogates."
        raise BadInput(msg, field="password")
    if len(password) > PASSWORD_MAX_LENGTH:
        raise BadInput(
            "The password is longer than %(num)d characters.",
            field="password",
            num=PASSWORD_MAX_LENGTH,
        )
    if _opaque(password) is None:
        raise BadInput(
            "The password has a character that not everybody can type or see, such as a tab."
            " Choose one of letters, digits, signs and blanks.",
            field="password",
        )
    return password


def hash_password(password: str) -> str:
    """Return the hash to store of a password of at least one character.

    `Busy` if too many wait for a hash already.
    """
    form = _forms(password)[0]
    return computed(lambda: _hasher.hash(form))


def quick_hash(password: str) -> str:
    """Return a hash that takes little work, to store until there is that of `hash_password`.

    It is good for passwords that are made up, which nobody guesses; `hash_is_outdated` tells that
    it has to be replaced.
    """
    return _quick_hasher.hash(_forms(password)[0])


def password_matches(
    password_hash: str | None, password: str, *, goes_behind: bool = False
) -> bool:
    """Tell whether the password belongs to the hash, which may be one of it as it was typed.

    Without a hash (an unknown user) the answer is False after as much work, so that the time
    it takes does not tell which names exist. A malformed hash never matches. `goes_behind` lets
    others go first who wait for a hash. `Busy` if too many wait for one already.
    """
    return computed(lambda: _verify(password_hash, password), goes_behind=goes_behind)


def hash_is_outdated(password_hash: str) -> bool:
    """Tell whether the hash was made with other parameters than a new one would be."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password_hash: str | None, password: str) -> bool:
    known = _nobodys_hash() if password_hash is None else password_hash
    return any(_is_hash_of(known, form) for form in _forms(password)) and password_hash is not None


def _is_hash_of(known: str, form: str) -> bool:
    try:
        return _hasher.verify(known, form)
    except (VerificationError, InvalidHashError):
        return False


def _forms(password: str) -> list[str]:
    """Return what may have been hashed of a password: its OpaqueString first, and as it is.

    Hashes were made of passwords as they were typed before there was the other.
    """
    opaque = _opaque(password)
    return [password] if opaque in {None, password} else [str(opaque), password]


def _opaque(password: str) -> str | None:
    """Return the password as OpaqueString, or None if it cannot be one."""
    if password.isascii() and password.isprintable():
        return password
    try:
        opaque: str = _profile.enforce(password)
    except UnicodeEncodeError:
        return None
    return opaque


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_hex())
