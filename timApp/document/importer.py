"""Finds Markdown files in a folder, and what they refer to, and saves them as documents."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from timApp.database.work import UnitOfWork
from timApp.document.attachment import save_attachment
from timApp.document.model import Document, SaveResult, save_document
from timApp.document.path import address_key, normal_path
from timApp.document.reference import references_of
from timApp.util.errors import BadInput

FILE_MAX_BYTES = 5 * 1024 * 1024
"""Largest file that is imported, in bytes."""

_SUFFIX = ".md"


class AttachedFile(NamedTuple):
    """A file to import, and the path of the attachment that it becomes."""

    path: str
    file: Path


class MarkdownFile(NamedTuple):
    """A file to import, and the path of the document that it becomes."""

    path: str
    file: Path


def find_markdown_files(directory: Path) -> list[MarkdownFile]:
    """Return the Markdown files in `directory` and the folders in it, ordered by document path.

    A document's path is that of its file, relative to `directory` and without ``.md`` (in
    letters of either case). Files and folders whose names begin with a dot are left out. Symbolic
    links are followed to files inside of `directory` only.

    Every file is read and checked as `import_document` does it, so that the caller knows before
    the first change that all can be imported. Raises `BadInput` (field ``directory``), which
    names the file, for the first that cannot; and if two files make one document, or two whose
    paths differ by capitals only, which names both.
    """
    root = directory.absolute()
    if not root.is_dir():
        _refuse(directory, "is not a folder")
    found: dict[str, MarkdownFile] = {}
    for file in _walk(root):
        path = _document_path(file.relative_to(root), file)
        one = MarkdownFile(path, file)
        other = found.setdefault(address_key(path), one)
        if other is not one:
            message = (
                f"{str(other.file)!r} and {str(file)!r} would both become the document {path!r}."
            )
            raise BadInput(message, field="directory")
        _read(file)
    return sorted(found.values())


def import_document(work: UnitOfWork, path: str, file: Path) -> tuple[Document, SaveResult]:
    """Save the content of `file` as the document at `path`; nothing is committed.

    The file is UTF-8, with or without a byte order mark. Raises `BadInput` (field ``directory``),
    which names the file, if it is not, if it cannot be read, has NUL characters, or is larger
    than `FILE_MAX_BYTES`; and what `save_document` raises.
    """
    return save_document(work, path, _read(file))


def find_attached_files(directory: Path, files: Iterable[MarkdownFile]) -> list[AttachedFile]:
    """Return the files in `directory` to which these Markdown files refer, ordered by path.

    Those of no document are left out, since nobody could open them, and so is what is not there.
    Raises `BadInput` as `find_markdown_files` does.
    """
    root = directory.absolute()
    real_root = root.resolve()
    found = []
    wanted = {one for path, file in files for one in references_of(_read(file), path)}
    for path in sorted(wanted - {path for path, _ in files}):
        file = root / path
        is_hidden = any(name.startswith(".") for name in path.split("/"))
        if not is_hidden and not file.name.lower().endswith(_SUFFIX) and file.is_file():
            _check_kind(file, real_root)
            found.append(AttachedFile(path, file))
    return found


def import_attachment(work: UnitOfWork, path: str, file: Path) -> SaveResult:
    """Save the content of `file` as the attachment at `path`; nothing is committed.

    Raises `BadInput` (field ``directory``), which names the file, if it cannot be read or is too
    large, and what `save_attachment` raises.
    """
    return save_attachment(work, path, _content(file))


def _walk(root: Path) -> Iterator[Path]:
    """Yield the Markdown files below `root`; `BadInput` for what must not be followed or read."""

    def stop(error: OSError) -> NoReturn:
        _refuse(Path(error.filename), f"cannot be read ({error.strerror})")

    real_root = root.resolve()
    for folder, subfolders, names in os.walk(root, onerror=stop):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in subfolders:
            if Path(folder, name).is_symlink():
                _refuse(Path(folder, name), "is a symbolic link to a folder; none is followed")
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(_SUFFIX):
                file = Path(folder, name)
                _check_kind(file, real_root)
                yield file


def _check_kind(file: Path, real_root: Path) -> None:
    if file.is_symlink():
        try:
            target = file.resolve(strict=True)
        except (OSError, RuntimeError):  # the latter for a circle, before Python 3.13
            _refuse(file, "is a symbolic link that leads nowhere")
        if not target.is_relative_to(real_root):
            _refuse(file, "is a symbolic link that leads out of the folder")
    if not file.is_file():
        _refuse(file, "is not a regular file")


def _document_path(relative: Path, file: Path) -> str:
    try:
        return normal_path(relative.as_posix()[: -len(_SUFFIX)])
    except BadInput as error:
        _refuse(file, f"cannot be imported: {error}")


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        _refuse(file, f"cannot be read ({error.strerror})")
    if len(content) > FILE_MAX_BYTES:
        _refuse(file, f"is larger than {FILE_MAX_BYTES // 1024**2} MiB")
    return content


def _read(file: Path) -> str:
    content = _content(file)
    try:
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(file, f"is not UTF-8 text (byte {error.start})")
    if "\0" in source:
        _refuse(file, "has a NUL character, so it is no text")
    return source


def _refuse(file: Path, reason: str) -> NoReturn:
    # repr, because a file's name may have any byte in it, and the message goes to a terminal.
    raise BadInput(f"{str(file)!r} {reason}.", field="directory")
