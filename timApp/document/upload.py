"""Documents and attachments that a browser sends: files, or a ZIP with files in it."""

import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple, NoReturn
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from timApp.database.work import UnitOfWork
from timApp.document.attachment import ATTACHMENT_MAX_BYTES, referring_documents, save_attachment
from timApp.document.model import SaveResult, save_document
from timApp.document.path import address_key
from timApp.util.errors import BadInput, TimError
from timApp.util.text import quoted

#: Bytes of an upload, with what comes around the files.
UPLOAD_MAX_BYTES = 20 * 1024 * 1024
#: Bytes of all that is in an upload when its ZIPs are unpacked, and how many files those are.
UNPACKED_MAX_BYTES, FILES_MAX = 50 * 1024 * 1024, 1000

_MARKDOWN, _ZIP = ".md", ".zip"
_ENCRYPTED = 0x1
#: What is unpacked no further than it is asked for. Of the other ways, `zipfile` unpacks in one
#: go whatever there is.
_COMPRESSIONS = frozenset((ZIP_STORED, ZIP_DEFLATED))
#: Begins what a ZIP says of each file; and how many of those are read, folders and what is hidden
#: included: each takes memory, though it may be empty.
_ENTRY, _ENTRIES_MAX = b"PK\x01\x02", 10 * FILES_MAX


class SentFile(NamedTuple):
    """A file, with its path in what was sent: segments between slashes."""

    path: str
    content: bytes
    #: The ZIP in which it was; empty for none.
    archive: str = ""

    @property
    def name(self) -> str:
        """What it is called in what was sent."""
        return f"{self.archive}: {self.path}" if self.archive else self.path


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

    Raises `BadInput` (field ``file``) for a ZIP that cannot be read, is encrypted, or has a
    symbolic link in it; if all files together are more than `FILES_MAX` or `UNPACKED_MAX_BYTES`,
    of which no more is ever unpacked; if two would become one document or attachment, or two
    whose paths differ by capitals only; and if there is no file at all. Of a file in a ZIP there
    is no more than one byte above `ATTACHMENT_MAX_BYTES`, which is too much to be saved.
    """
    room = _Room()
    found: list[SentFile] = []
    for file in files:
        if file.path.lower().endswith(_ZIP):
            found.extend(_files_of(file, room))
        elif not _is_hidden(file.path):
            room.take(len(file.content))
            found.append(file)
    if not found:
        raise BadInput("Choose a file.", field="file")
    _check_distinct(found)
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
            text = _text(path, file.content)
            return Saved(path, True, save_document(work, path, text)[1])
        if not referring_documents(work, path):
            return Saved(path, False, None)
        return Saved(path, False, save_attachment(work, path, file.content))
    except TimError as error:
        return Saved(path, is_document, None, error)


def _text(path: str, content: bytes) -> str:
    if len(content) > ATTACHMENT_MAX_BYTES:
        raise BadInput(
            "%(path)s is larger than %(size)s MiB.",
            field="file",
            path=quoted(path),
            size=ATTACHMENT_MAX_BYTES // 1024**2,
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = "%(path)s is not UTF-8 text."
        raise BadInput(message, field="file", path=quoted(path)) from None


def _is_hidden(path: str) -> bool:
    # What leads out of the folder is not hidden, but wrong.
    names = [name for name in path.split("/") if name not in {".", ".."}]
    return any(name.startswith(".") or name == "__MACOSX" for name in names)


class _Room:
    """What is left of an upload's limits."""

    def __init__(self) -> None:
        self._files = FILES_MAX
        self._bytes = UNPACKED_MAX_BYTES

    def take(self, size: int) -> None:
        """Count a file of so many bytes; `BadInput` if it is one too many."""
        self._files -= 1
        self._bytes -= size
        if self._files < 0 or self._bytes < 0:
            _refuse_more()


def _refuse_more() -> NoReturn:
    raise BadInput(
        "That is too much at once: at most %(files)s files, and %(size)s MiB in all when the ZIPs"
        " are unpacked.",
        field="file",
        files=FILES_MAX,
        size=UNPACKED_MAX_BYTES // 1024**2,
    )


def _check_distinct(files: Iterable[SentFile]) -> None:
    """Raise `BadInput` for two files of which the later one would take the place of the other."""
    found: dict[tuple[bool, str], SentFile] = {}
    for file in files:
        is_document = file.path.lower().endswith(_MARKDOWN)
        path = file.path[: -len(_MARKDOWN)] if is_document else file.path
        other = found.setdefault((is_document, address_key(path)), file)
        if other is not file:
            raise BadInput(
                "%(first)s and %(second)s would both become %(path)s, in whichever capitals. Send"
                " one of them, or rename it.",
                field="file",
                first=quoted(other.name),
                second=quoted(file.name),
                path=quoted(path),
            )


def _files_of(file: SentFile, room: _Room) -> Iterator[SentFile]:
    if file.content.count(_ENTRY) > _ENTRIES_MAX:
        _refuse_more()
    try:
        with ZipFile(BytesIO(file.content)) as archive:
            inside = [
                info
                for info in archive.infolist()
                if not info.is_dir() and not _is_hidden(info.filename)
            ]
            for info in inside:
                # A file is cut off where it is longer than this.
                room.take(info.file_size)
            for info in inside:
                yield SentFile(info.filename, _content_of(archive, info), file.path)
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


def _content_of(archive: ZipFile, info: ZipInfo) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise BadInput("A ZIP with a password cannot be read.", field="file")
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG}:
        raise BadInput(
            "%(path)s in the ZIP is a symbolic link, or no file at all. Put the file itself there.",
            field="file",
            path=quoted(info.filename),
        )
    if info.compress_type not in _COMPRESSIONS:
        msg = "An unusual compression."
        raise NotImplementedError(msg)
    with archive.open(info) as stream:
        return stream.read(ATTACHMENT_MAX_BYTES + 1)
