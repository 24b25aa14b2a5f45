"""The key that signs the cookies, kept in a file that only its owner can read."""

import os
import secrets
import stat
import string
import tempfile
from pathlib import Path

from timApp.optiontypes.texts import KEY_MIN_LENGTH
from timApp.util.errors import ConfigError

KEY_BYTES = 32
"""How much randomness a new key has."""
_DIGITS = frozenset(string.hexdigits)


def load_or_create_secret_key(path: Path) -> str:
    """Return the key in the file at `path`, and make both, and the folder, if there is no file.

    Processes that start at once all get the same key. A file that is there is never changed.

    Raises ConfigError, which names the file, if it is empty, cut off, or has a key that is too
    short; if it cannot be read or made; and if others than its owner have access to it.
    """
    try:
        try:
            return _read(path)
        except FileNotFoundError:
            _create(path)
            return _read(path)
    except OSError as error:
        reason = error.strerror or "unknown error"
        message = f"The secret key cannot be read from or made in the file {path}: {reason}."
        raise ConfigError(message) from error


def _read(path: Path) -> str:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(
                f"Others than its owner have access to the secret key in the file {path}."
                f" Close it to them: chmod 600 {path}"
            )
        content = file.read()
    try:
        key = content.decode().strip()
    except UnicodeDecodeError:
        raise ConfigError(f"The secret key in the file {path} is not text.") from None
    if not key:
        raise ConfigError(
            f"The secret key file {path} is empty. Put the key back, or remove the file: then a"
            " new key is made, and everybody has to log in again."
        )
    if not content.endswith(b"\n") and _DIGITS.issuperset(key) and len(key) < 2 * KEY_BYTES:
        # What `_create` writes ends with a line end; this is what a full disk leaves of it.
        raise ConfigError(
            f"The secret key file {path} seems to be cut off. Put the whole key back, or remove the"
            " file: then a new key is made, and everybody has to log in again. If this is all of"
            " your own key, end the line."
        )
    if len(key) < KEY_MIN_LENGTH:
        raise ConfigError(
            f"The secret key in the file {path} has less than {KEY_MIN_LENGTH} characters, and"
            " could be guessed. Put a longer one there, or remove the file: then a new key is"
            " made, and everybody has to log in again."
        )
    return key


def _create(path: Path) -> None:
    """Make the file with a new key, unless another process is faster; then leave it at that."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp's file is for its owner only. A link is made completely or not at all and never over
    # an existing name, so that nobody reads half a key and only one process wins.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())  # or a power failure might leave the name and no key
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        Path(temporary).unlink()
