"""People, groups and rights at the command line: the same operations as on the pages."""

import json
import stat
from pathlib import Path

import pytest

from tests.commandline import CommandLine

PASSWORD = "purple llama sings"


@pytest.fixture
def timapp(database_url: str, tmp_path: Path) -> CommandLine:
    """The command line on a database with alice, two administrators and a document."""
    line = CommandLine(database_url, tmp_path)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "exam.md").write_text("# Exam\n")
    for name, group in (("alice", "Students"), ("boss", "Administrators")):
        words = ("--real-name", name.title(), "--group", group, "--password-stdin")
        line.done("user", "add", name, *words, stdin=PASSWORD)
    line.done("document", "import", str(tmp_path / "pages"))
    line.done("grant", "view", "exam", "Students")
    line.done("grant", "edit", "exam", "alice")
    return line


def test_somebody_is_shown_and_what_they_may_do(timapp: CommandLine) -> None:
    """Facts one a line, groups one a line, rights as a table; unknown names are refused."""
    shown = dict(line.split("\t") for line in timapp.done("user", "show", "ALICE").splitlines())
    assert (shown["name"], shown["full name"], shown["state"]) == ("alice", "Alice", "active")
    assert (shown["groups"], shown["password"], shown["last login"]) == ("Students", "yes", "")
    assert timapp.done("user", "groups", "alice") == "Students\n"
    rows = "document\texam\tedit\talice\ndocument\texam\tview\tStudents\n"
    for chosen in ([], ["--user", "alice"], ["--document", "exam"]):
        assert timapp.done("rights", *chosen) == rows
    assert timapp.done("rights", "--user", "boss") == ""
    for words in (
        ("user", "show", "nobody"),
        ("user", "groups", "nobody"),
        ("rights", "--user", "nobody"),
    ):
        assert "'nobody'" in timapp.refused(*words)
    assert "'none'" in timapp.refused("rights", "--document", "none")


def test_slips_are_written_once_and_made_anew_for_whoever_never_came(
    timapp: CommandLine, tmp_path: Path
) -> None:
    """A file of slips is not replaced by a second run; lost ones are made anew where it is said."""
    file, slips = tmp_path / "class.csv", tmp_path / "slips.html"
    file.write_text("username\nbob\ncarol\n")
    words = ("user", "import", str(file), "--slips", str(slips))
    assert "2 new" in timapp(*words).stdout
    first = slips.read_text()
    assert "slips.html is there already" in timapp.refused(*words)
    assert slips.read_text() == first
    others = tmp_path / "others.html"
    assert "Slips: none" in timapp("user", "import", str(file), "--slips", str(others)).stdout
    assert not others.exists()
    assert "--slips" in timapp.refused("user", "import", str(file), "--renew")
    assert "2 same" in timapp(*words, "--renew", "--force").stdout
    assert slips.read_text() not in {first, ""}
    assert slips.read_text().count('class="slip"') == 2


def test_groups_and_rights_are_given_and_taken(timapp: CommandLine) -> None:
    """Each says what was done, and what is so already changes nothing."""
    assert timapp.done("group", "add", "Retake") == "Added the group Retake.\n"
    assert "there already" in timapp.done("group", "add", "Retake")
    listed = timapp.done("group", "list").splitlines()
    assert listed == ["Administrators\t1\t0\t0", "Retake\t0\t0\t0", "Students\t1\t1\t0"]
    assert timapp.done("group", "remove", "Retake").startswith("Removed the group Retake")
    assert "members (1)" in timapp.refused("group", "remove", "Students")
    done = timapp.done("revoke", "exam", "Students")
    assert done == "Students has no right to exam any more (had: view).\n"
    assert "nothing was changed" in timapp.done("revoke", "exam", "Students")
    assert "1 member, 0 rights" in timapp.done("group", "remove", "Students", "--force")
    for words in (("revoke", "none", "alice"), ("revoke", "exam", "Nobody")):
        timapp.refused(*words)
    assert timapp.done("document", "list").startswith("exam\tExam\t")
    assert timapp.done("document", "delete", "exam") == "Deleted the document exam.\n"
    assert timapp.done("document", "list") == ""
    assert "'exam'" in timapp.refused("document", "delete", "exam")


def test_somebody_is_exported_and_deleted(timapp: CommandLine, tmp_path: Path) -> None:
    """Before with their name, after with a pseudonym; the last administrator stays."""
    file = tmp_path / "alice.json"
    timapp.done("user", "export", "alice", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    held = json.loads(file.read_text("utf-8"))
    assert held["account"]["groups"] == ["Students"]
    assert [one["action"] for one in held["changes"]] == ["add person", "give right"]
    assert json.loads(timapp.done("user", "export", "alice", "-"))["account"] == held["account"]
    deleted = timapp.done("user", "delete", "alice")
    assert deleted == "Deleted the account of alice; 0 sessions ended.\n"
    assert "nothing was changed" in timapp.done("user", "delete", "alice")
    assert "alice" not in timapp.done("user", "list")
    assert "deleted" in timapp.done("user", "show", "alice")
    for words in (("enable", "alice"), ("group", "alice", "--add", "Students")):
        assert "was deleted" in timapp.refused("user", *words)
    refused = timapp.refused("user", "add", "alice", "--password-stdin", stdin=PASSWORD)
    assert "pseudonym" in refused
    name = timapp.done("user", "delete", "alice", "--pseudonym").split("name ")[1].split(" now")[0]
    held = json.loads(timapp.done("user", "export", name, "-"))
    assert "alice" not in json.dumps(held).lower()
    timapp.refused("user", "show", "alice")
    for words in (("delete", "boss"), ("disable", "boss")):
        assert "only administrator" in timapp.refused("user", *words)
    refused = timapp.refused("user", "group", "boss", "--remove", "Administrators")
    assert "only administrator" in refused
