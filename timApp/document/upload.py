"""Documents and attachments that a browser sends: files, or a ZIP with files in it."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile, ZipInfo

from timApp.database.work import UnitOfWork
from timApp.document.attachment import ATTACHMENT_MAX_BYTES, referring_documents, save_attachment
from timApp.document.model import SaveResult, save_document
from timApp.util.errors import BadInput, TimError
from timApp.util.text import quoted

#: Bytes of all that a ZIP has in it, and how many files those are.
UNPACKED_MAX_BYTES, FILES_MAX = 50 * 1024 * 1024, 1000

_MARKDOWN, _ZIP = ".md", ".zip"
_ENCRYPTED = 0x1


class SentFile(NamedTuple):
    """A file, with its path in what was sent: segments between slashes."""

    path: str
    content: bytes


@dataclass(frozen=True)
class Saved:
    """What comes of a file."""

    #: Of the document or the attachment.
    path: str
    is_document: bool
    #: None for what is left out: a file to which no document refers, or with something wrong.
    result: SaveResult | None
    error: TimError | None = None


def unpacked(files: Iterable[SentFile]) -> list[SentFile]:
    """Return the files, those of a ZIP in its place, without hidden ones.

    Raises `BadInput` (field ``file``) for a ZIP that cannot be read, is encrypted, or has more
    in it than `FILES_MAX` files or `UNPACKED_MAX_BYTES`; and if there is no file at all.
    """
    found: list[SentFile] = []
    for file in files:
        if file.path.lower().endswith(_ZIP):
            found.extend(_files_of(file))
        else:
            found.append(file)
    found = [file for file in found if not _is_hidden(file.path)]
    if not found:
        raise BadInput("Choose a file.", field="file")
    return found


def save_files(work: UnitOfWork, files: Iterable[SentFile], below: str = "") -> list[Saved]:
    """Save Markdown files as documents, and others to which documents refer as attachments.

    `below` is a path that theirs are below; empty for none. Nothing is committed. What is wrong
    with a file is in its `Saved.error`: then nothing must be committed.
    """
    all_files = sorted(files, key=lambda file: not file.path.lower().endswith(_MARKDOWN))
    return [_save(work, file, below) for file in all_files]


def _save(work: UnitOfWork, file: SentFile, below: str) -> Saved:
    path = f"{below}/{file.path}" if below else file.path
    is_document = path.lower().endswith(_MARKDOWN)
    path = path[: -len(_MARKDOWN)] if is_document else path
    try:
        if is_document:
            return Saved(path, True, save_document(work, path, _text(path, file.content))[1])
        if not referring_documents(work, path):
            return Saved(path, False, None)
        return Saved(path, False, save_attachment(work, path, file.content))
    except TimError as error:
        return Saved(path, is_document, None, error)


def _text(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = "%(path)s is not UTF-8 text."
        raise BadInput(message, field="file", path=quoted(path)) from None


def _is_hidden(path: str) -> bool:
    # What leads out of the folder is not hidden, but wrong.
    names = [name for name in path.split("/") if name not in {".", ".."}]
    return any(name.startswith(".") or name == "__MACOSX" for name in names)


def _files_of(file: SentFile) -> Iterator[SentFile]:
    try:
        with ZipFile(BytesIO(file.content)) as archive:
            inside = [info for info in archive.infolist() if not info.is_dir()]
            _check_size(inside)
            for info in inside:
                yield SentFile(info.filename, _content_of(archive, info))
    except (
        BadZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        message = "The ZIP %(path)s cannot be read."
        raise BadInput(message, field="file", path=quoted(file.path)) from error


def _check_size(inside: list[ZipInfo]) -> None:
    if len(inside) > FILES_MAX or sum(info.file_size for info in inside) > UNPACKED_MAX_BYTES:
        raise BadInput(
            "There is too much in the ZIP: at most %(files)s files, and %(size)s MiB in all.",
            field="file",
            files=FILES_MAX,
            size=UNPACKED_MAX_BYTES // 1024**2,
        )


def _content_of(archive: ZipFile, info: ZipInfo) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise BadInput("A ZIP with a password cannot be read.", field="file")
    # What it says of its size need not be true.
    with archive.open(info) as stream:
        return stream.read(ATTACHMENT_MAX_BYTES + 1)
