"""Files that are written completely or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from timApp.util.folder import is_there, sync_folder


@contextmanager
def replaced_file(path: Path, *, may_replace: bool = True) -> Iterator[BinaryIO]:
    """Open a file that appears at `path` when the context ends, and does not if it fails.

    A file that is there already is replaced then, if that may be, and stays as it is otherwise.
    Only the owner can read the new one. `click.ClickException` if `path` cannot be written, is
    something other than a file, or may not be replaced and is there, also if it is only by then.
    """
    name_given, path = path, Path(os.path.realpath(path))  # a link stays, and its file is replaced
    try:
        if is_there(path):
            _require_replaceable(path, name_given, may_replace=may_replace)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise _unwritable(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a power failure might leave the name and no content
        if may_replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)
        sync_folder(path.parent)
    except FileExistsError as error:
        msg = f"{path} has been made by somebody else meanwhile, and was not replaced."
        raise click.ClickException(msg) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_replaceable(path: Path, *, may_replace: bool) -> None:
    """Raise `click.ClickException` for a file that `replaced_file` would not replace."""
    if is_there(path):
        _require_replaceable(Path(os.path.realpath(path)), path, may_replace=may_replace)


def _require_replaceable(path: Path, name_given: Path, *, may_replace: bool) -> None:
    if not path.is_file():
        msg = f"{path} is not a file."
        raise click.ClickException(msg)
    if not may_replace:
        msg = f"{name_given} is there already; choose another name, or say --force."
        raise click.ClickException(msg)


def _unwritable(path: Path, error: OSError) -> click.ClickException:
    return click.ClickException(f"Cannot write {path}: {error.strerror or error}.")
