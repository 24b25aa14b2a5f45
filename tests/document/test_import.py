"""Finding the Markdown files of a folder."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from timApp.database.work import Work
from timApp.document.importer import (
    FILE_MAX_BYTES,
    MarkdownFile,
    find_markdown_files,
    import_document,
)
from timApp.document.model import Document, SaveResult
from timApp.util.errors import BadInput


def saved(work: Work) -> list[tuple[str, str]]:
    """Return path and text of the documents that were saved."""
    query = sa.select(Document.path, Document.source).order_by(Document.path)
    return [(row.path, row.source) for row in work.session.execute(query)]


def write(file: Path, content: str | bytes = "# x") -> Path:
    """Make a file, and the folders that it needs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def paths(directory: Path) -> list[str]:
    """Return the document paths that the folder's files give."""
    return [path for path, _ in find_markdown_files(directory)]


def refusal(directory: Path) -> str:
    """Return the message with which the folder is refused."""
    with pytest.raises(BadInput) as caught:
        find_markdown_files(directory)
    assert caught.value.field == "directory"
    return caught.value.message


def test_markdown_files_are_found_with_their_document_paths(tmp_path: Path) -> None:
    """Each file gives its path without the suffix, at any depth, in order."""
    deep = write(tmp_path / "b" / "c" / "deep.md")
    top = write(tmp_path / "a.md")
    assert find_markdown_files(tmp_path) == [
        MarkdownFile("a", top),
        MarkdownFile("b/c/deep", deep),
    ]


def test_the_suffix_is_found_in_letters_of_either_case(tmp_path: Path) -> None:
    """Files that end with .md, .MD or .Md are Markdown, and other files are none."""
    for name in ("a.md", "b.MD", "c.Md", "v1.2.md", "d.txt", "md", "e.md.bak"):
        write(tmp_path / name)
    assert paths(tmp_path) == ["a", "b", "c", "v1.2"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    """What begins with a dot is not imported."""
    for name in (".a.md", ".md", ".git/b.md", "c/.d/e.md", "f.md"):
        write(tmp_path / name)
    assert paths(tmp_path) == ["f"]


def test_a_hidden_folder_may_be_imported_itself(tmp_path: Path) -> None:
    """The folder that is asked for may have a dot in front of its name."""
    write(tmp_path / ".notes" / "a.md")
    assert paths(tmp_path / ".notes") == ["a"]


def test_a_folder_without_markdown_gives_nothing(tmp_path: Path) -> None:
    """An empty result is no error."""
    (tmp_path / "empty").mkdir()
    assert find_markdown_files(tmp_path) == []


def test_a_relative_folder_is_that_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.` and other relative folders may be imported, and the files found stay valid."""
    write(tmp_path / "docs" / "a.md")
    monkeypatch.chdir(tmp_path)
    found = find_markdown_files(Path("docs"))
    monkeypatch.chdir("/")
    assert [(path, file.read_text()) for path, file in found] == [("a", "# x")]


@pytest.mark.parametrize("name", ["missing", "file.md"])
def test_what_is_not_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    """A missing folder and a file are refused by name."""
    write(tmp_path / "file.md")
    assert name in refusal(tmp_path / name)


def test_names_are_normalised(tmp_path: Path) -> None:
    """A file whose name has its accents apart (NFD) gives the composed path (NFC)."""
    write(tmp_path / "a\N{COMBINING DIAERESIS}.md")
    assert paths(tmp_path) == ["ä"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.md", "a.MD"), ("ä.md", "a\N{COMBINING DIAERESIS}.md"), ("d.md", "D.MD")],
)
def test_two_files_for_one_document_are_refused(tmp_path: Path, one: str, other: str) -> None:
    """The message names both files."""
    write(tmp_path / one)
    write(tmp_path / other)
    message = refusal(tmp_path)
    assert one in message
    assert other in message


@pytest.mark.parametrize("name", ["a .md", " a.md", "a\nb.md", "a\\b.md", "b /a.md"])
def test_a_name_that_is_no_document_path_is_refused(tmp_path: Path, name: str) -> None:
    """The message names the file, in one printable line."""
    write(tmp_path / name)
    message = refusal(tmp_path)
    assert repr(str(tmp_path / name)) in message
    assert message.isprintable()


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """A file name in another encoding is refused with a message that can be printed."""
    write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.md")))
    assert refusal(tmp_path).isprintable()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"caf\xe9", "not UTF-8"),
        (b"a\0b", "NUL"),
        (b"\xff\xfea\0", "not UTF-8"),
        (b"x" * (FILE_MAX_BYTES + 1), "larger than 5 MiB"),
    ],
)
def test_content_that_is_no_text_is_refused_before_anything_is_imported(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """One bad file refuses the folder, and the message names file and reason."""
    write(tmp_path / "a.md")
    write(tmp_path / "z.md", content)
    message = refusal(tmp_path)
    assert "z.md" in message
    assert reason in message


def test_a_file_of_just_the_allowed_size_is_accepted(tmp_path: Path) -> None:
    """5 MiB are not too much."""
    write(tmp_path / "a.md", b"x" * FILE_MAX_BYTES)
    assert paths(tmp_path) == ["a"]


def test_a_link_to_a_file_inside_is_followed(tmp_path: Path) -> None:
    """One text may become two documents."""
    write(tmp_path / "a.md")
    (tmp_path / "b.md").symlink_to("a.md")
    assert paths(tmp_path) == ["a", "b"]


def test_a_folder_may_be_reached_through_a_link(tmp_path: Path) -> None:
    """The folder that is asked for may itself be a link."""
    write(tmp_path / "real" / "a.md")
    (tmp_path / "real" / "b.md").symlink_to("a.md")
    (tmp_path / "link").symlink_to("real")
    assert paths(tmp_path / "link") == ["a", "b"]


def _link_out(folder: Path) -> None:
    (folder / "bad.md").symlink_to(write(folder.parent / "secret.txt"))


def _link_to_sibling_of_similar_name(folder: Path) -> None:
    (folder / "bad.md").symlink_to(write(Path(f"{folder}-secret") / "a.md"))


def _link_nowhere(folder: Path) -> None:
    (folder / "bad.md").symlink_to("missing")


def _link_in_a_circle(folder: Path) -> None:
    (folder / "bad.md").symlink_to("bad.md")


def _link_to_folder(folder: Path) -> None:
    (folder / "bad.md").symlink_to(".")


def _link_to_folder_outside(folder: Path) -> None:
    (folder / "bad").symlink_to("/")


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "bad.md")


@pytest.mark.parametrize(
    "make",
    [
        _link_out,
        _link_to_sibling_of_similar_name,
        _link_nowhere,
        _link_in_a_circle,
        _link_to_folder,
        _link_to_folder_outside,
        _pipe,
    ],
)
def test_what_must_not_be_read_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Links out of the folder, to folders or to nothing, and what is no file, are refused."""
    folder = tmp_path / "docs"
    write(folder / "a.md")
    make(folder)
    assert "bad" in refusal(folder)


def test_a_file_is_imported_under_its_path(work: Work, tmp_path: Path) -> None:
    """Path and text of the file are what is saved, and the result is passed on."""
    file = write(tmp_path / "a.md", "# ä\r\nx")
    document, result = import_document(work, "docs/a", file)
    assert saved(work) == [("docs/a", "# ä\r\nx")]
    assert (document.path, result) == ("docs/a", SaveResult.CREATED)


def test_a_byte_order_mark_is_no_part_of_the_text(work: Work, tmp_path: Path) -> None:
    """A file that an editor began with a byte order mark gives the text behind it."""
    import_document(work, "a", write(tmp_path / "a.md", b"\xef\xbb\xbf# x"))
    assert saved(work) == [("a", "# x")]


def test_a_file_that_went_bad_meanwhile_saves_nothing(work: Work, tmp_path: Path) -> None:
    """A file is checked again when it is imported: it may have changed or gone since."""
    file = write(tmp_path / "a.md")
    assert paths(tmp_path) == ["a"]
    file.write_bytes(b"\xff")
    with pytest.raises(BadInput, match=r"a\.md"):
        import_document(work, "a", file)
    file.unlink()
    with pytest.raises(BadInput, match=r"a\.md"):
        import_document(work, "a", file)
    assert saved(work) == []
