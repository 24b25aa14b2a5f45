"""What the documents say of the program is true."""

import re
from pathlib import Path

import pytest

from timApp.guard.export.sessions import reference_table, session_table
from timApp.guard.reading.filter import SessionFilter

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_FILE = re.compile(r"`((?:timApp|tests|bench|docs)/[\w./*-]+)`")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
_NAME = re.compile(r"`(timApp(?:\.\w+)+)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_a_document_names_exist(document: Path) -> None:
    """Whoever follows a document finds the file or the folder that it sends them to."""
    text = document.read_text("utf-8")
    named = {name for name in _FILE.findall(text) if "*" not in name}
    linked = {(document.parent / link).resolve() for link in _LINK.findall(text)}
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
    assert sorted(str(path) for path in linked if not path.exists()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_tests_that_a_document_names_exist(document: Path) -> None:
    """A test that is to prove something is there, in the file that is named."""
    named = _TEST.findall(document.read_text("utf-8"))
    assert document.name != "security.md" or len(named) > 80
    gone = [
        f"{file}::{name}"
        for file, name in named
        if f"\ndef {name}(" not in f"\n{(ROOT / file).read_text('utf-8')}"
    ]
    assert gone == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_modules_that_a_document_names_exist(document: Path) -> None:
    """A module, or something in one, that a document speaks of is there."""
    for name in _NAME.findall(document.read_text("utf-8")):
        parts = name.split(".")
        found = next(
            ROOT.joinpath(*parts[:count])
            for count in range(len(parts), 0, -1)
            if ROOT.joinpath(*parts[:count]).is_dir()
            or ROOT.joinpath(*parts[:count]).with_suffix(".py").exists()
        )
        rest = parts[len(found.relative_to(ROOT).parts) :]
        assert len(rest) <= 2, name
        if rest:
            file = found / "__init__.py" if found.is_dir() else found.with_suffix(".py")
            assert re.search(rf"\b{rest[0]}\b", file.read_text("utf-8")), name


def test_the_strangers_questions_each_name_the_files_to_open() -> None:
    """Each question in docs/architecture.md is answered with at least one file."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    _, *answers = text.partition("## A stranger's questions")[2].split("\n### ")
    assert len(answers) == 10
    for answer in answers:
        assert _FILE.search(answer), answer.splitlines()[0]


def test_the_columns_that_the_document_of_seats_names_are_those_of_the_exports() -> None:
    """Whoever reads an export by its columns finds them in docs/seats.md, in their order."""
    text = (ROOT / "docs" / "seats.md").read_text("utf-8")
    exports, _, rest = text.partition("The exports of sessions have")[2].partition("`GET ")
    reference = rest.partition("(")[2].partition(")")[0]
    for said, table in ((exports, session_table), (reference, reference_table)):
        assert re.findall(r"`(\w+)`", said) == list(table(SessionFilter()).columns)
