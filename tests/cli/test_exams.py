"""`timapp exam`: plan, list, begin and end."""

import plistlib
from datetime import timedelta
from pathlib import Path

import pytest

from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.site import Site
from timApp.guard.exams.sebfile import read_seb_file
from timApp.util.clock import now

ZONE = "Europe/Helsinki"
NINE, TWELVE = "2090-12-01T09:00", "2090-12-01T12:00"
_SHOWN = "'Algebra 1' (from 2090-12-01T09:00+02:00 to 2090-12-01T12:00+02:00)"


@pytest.fixture
def timapp(database_url: str, tmp_path: Path) -> CommandLine:
    """The command line of a site in Finland."""
    line = CommandLine(database_url, tmp_path)
    line.env["TIM_SITE_TIME_ZONE"] = ZONE
    return line


@pytest.fixture
def here(timapp: CommandLine, make_app: MakeApp) -> Site:
    """The site, with the student alice and a document."""
    site = Site(make_app(timapp.env["TIM_DATABASE_URL"]))
    site.add_user("alice", ["Students"])
    site.add_document("exam/part1", ["Students"])
    return site


def add(timapp: CommandLine, *more: str) -> str:
    """Plan the exam of these tests."""
    words = ("Algebra 1", "--from", NINE, "--to", TWELVE, "--group", "Students")
    return timapp.done("exam", "add", *words, "--document", "exam/part1", *more)


def listed(timapp: CommandLine) -> list[list[str]]:
    """Return the lines of the list, whatever it warns of."""
    result = timapp("exam", "list")
    assert result.exit_code == 0
    return [line.split("\t") for line in result.stdout.splitlines()]


def test_an_exam_is_planned_begun_and_ended(timapp: CommandLine, here: Site) -> None:
    """Each command says what it did, and the list says what the exam is."""
    added = add(timapp)
    assert added == f"Added the exam {_SHOWN}.\n1 person would sit it as groups are now.\n"
    (row,) = listed(timapp)
    assert row == [
        *("Algebra 1", "to come", "2090-12-01T09:00+02:00", "2090-12-01T12:00+02:00"),
        *("Students", "exam/part1", "Session supervisors", "block_new, hold, same"),
    ]
    browser = here.logged_in("alice")
    assert browser.get("/view/exam/part1").status_code == 403
    begun = timapp.done("exam", "begin", "algebra 1", "--yes")
    assert begun.startswith("Began the exam 'Algebra 1' (from ")
    assert begun.endswith(" 1 open session of 1 person ended.\n")
    assert browser.get("/").status_code == 403
    browser = here.logged_in("alice")
    assert browser.get("/view/exam/part1").status_code == 200
    again = timapp.done("exam", "begin", "Algebra 1")
    assert " had begun already, at " in again
    assert again.endswith("; nothing was changed.\n")
    assert listed(timapp)[0][1] == "runs"
    assert timapp.done("exam", "end", "Algebra 1").startswith("Ended the exam 'Algebra 1'")
    assert browser.get("/view/exam/part1").status_code == 403
    assert " was over already, at " in timapp.done("exam", "end", "Algebra 1")
    assert listed(timapp)[0][1] == "over"


def test_who_begins_an_exam_is_asked(timapp: CommandLine, here: Site) -> None:
    """Without a terminal, and without --yes, it says whom it would hit and does nothing."""
    add(timapp)
    here.logged_in("alice")
    result = timapp("exam", "begin", "Algebra 1")
    assert result.exit_code == 2
    assert result.stdout == (
        f"1 person sits the exam {_SHOWN}. 1 open session of 1 person will end.\n"
    )
    assert "--yes" in result.stderr
    assert listed(timapp)[0][1] == "to come"
    assert len(here.active("alice")) == 1


def test_a_policy_of_an_exam_can_be_chosen(timapp: CommandLine, here: Site) -> None:
    """By default an exam holds; what is chosen counts instead."""
    add(timapp, "--over-limit", "observe", "--after-end", "free", "--device", "any")
    timapp.done("exam", "begin", "Algebra 1", "--yes")
    for name in ("laptop", "phone"):
        assert here.logged_in("alice", name).get("/view/exam/part1").status_code == 200


def test_times_are_taken_with_an_offset_or_without(timapp: CommandLine, here: Site) -> None:
    """Without one they are the site's; with one they are what they say."""
    timapp.done("exam", "add", "A", "--from", "2036-06-01T09:00", "--to", "2036-06-01T12:00Z")
    assert listed(timapp)[0][2:4] == ["2036-06-01T09:00+03:00", "2036-06-01T15:00+03:00"]


_PAST = (now() - timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["A", "--from", NINE, "--to", NINE], "end after it begins"),
        (["A", "--from", _PAST, "--to", _PAST.replace("T", " ")], "end after it begins"),
        (["A", "--from", "2020-01-01T09:00", "--to", "2020-01-01T10:00"], "past already"),
        (["A", "--from", "nine", "--to", TWELVE], "'nine' is no date and time"),
        (["A", "--from", "2090-12-01", "--to", TWELVE], "is no date and time"),
        (["A", "--from", "2037-03-29T03:30", "--to", TWELVE], "never comes in Europe/Helsinki"),
        (["A", "--from", "2037-10-25T03:30", "--to", TWELVE], "comes twice in Europe/Helsinki"),
        ([" ", "--from", NINE, "--to", TWELVE], "title"),
        (["ALGEBRA  1", "--from", NINE, "--to", TWELVE], "There is an exam"),
        (["A", "--from", NINE, "--to", TWELVE, "--group", "Nobody"], "no user or group"),
        (["A", "--from", NINE, "--to", TWELVE, "--supervisors", "No"], "no user or group"),
        (["A", "--from", NINE, "--to", TWELVE, "--document", "no"], "There is no document 'no'"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_added(
    timapp: CommandLine, here: Site, words: list[str], said: str
) -> None:
    """A wrong time, title, group or document is one line of error."""
    add(timapp)
    assert said in timapp.refused("exam", "add", *words)
    assert len(listed(timapp)) == 1


def test_all_that_is_wrong_is_told_at_once(timapp: CommandLine, here: Site) -> None:
    """A line each: the title, the times, and each group and document that there is not."""
    add(timapp)
    words = ["algebra 1", "--from", "nine", "--to", "ten", "--group", "No", "--group", "Students"]
    words += ["--group", "Nil", "--supervisors", "None", "--document", "a", "--document", "b"]
    result = timapp("exam", "add", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert all(line.startswith("Error: ") for line in lines)
    said = ("an exam", "'nine'", "'ten'", "'No'", "'Nil'", "'None'", "document 'a'", "document 'b'")
    assert len(lines) == len(said)
    assert all(text in line for text, line in zip(said, lines, strict=True))
    assert len(listed(timapp)) == 1


def test_what_an_added_exam_is_already_is_said(timapp: CommandLine, here: Site) -> None:
    """That it runs, has no documents, and that those who supervise it can verify nobody."""
    here.add_user("tess", ["Teachers"])
    here.add_user("theo", ["Teachers", "Session supervisors"])
    here.add_user("boss", ["Teachers", "Administrators"])
    words = ["--group", "Students", "--supervisors", "Teachers"]
    added = timapp.done("exam", "add", "Logic", "--from", _PAST, "--to", TWELVE, *words)
    assert added.splitlines()[1:] == [
        "It runs already, and its policies count now.",
        "It has no documents yet.",
        "Not in the group 'Session supervisors', so they can verify nobody: tess.",
        "1 person sits it as groups are now.",
    ]
    assert listed(timapp)[0][1] == "runs"


def test_what_is_out_of_turn_is_one_line(timapp: CommandLine, here: Site) -> None:
    """An end before the beginning, a beginning after the end, and an unknown exam are refused."""
    add(timapp)
    assert "has not begun yet" in timapp.refused("exam", "end", "Algebra 1")
    assert "There is no exam 'Logic'" in timapp.refused("exam", "begin", "Logic", "--yes")
    timapp.done("exam", "begin", "Algebra 1", "--yes")
    timapp.done("exam", "end", "Algebra 1")
    assert "is over" in timapp.refused("exam", "begin", "Algebra 1", "--yes")


def test_an_exam_to_come_is_changed(timapp: CommandLine, here: Site) -> None:
    """Times, groups and documents are as they are said, and what is not said stays."""
    add(timapp)
    here.add_user("bob", ["Guests"])
    here.add_document("exam/part2")
    words = ["--to", "2090-12-01T13:00", "--add-group", "Guests", "--add-document", "exam/part2"]
    changed = timapp.done("exam", "change", "ALGEBRA 1", *words)
    assert "2090-12-01T13:00+02:00) now.\n2 people would sit it as groups are now.\n" in changed
    (row,) = listed(timapp)
    assert row[2:6] == [
        *("2090-12-01T09:00+02:00", "2090-12-01T13:00+02:00"),
        *("Guests, Students", "exam/part1, exam/part2"),
    ]
    words = ["--remove-group", "Students", "--remove-document", "exam/part1"]
    for _ in range(2):
        timapp.done("exam", "change", "Algebra 1", *words)
        assert listed(timapp)[0][4:6] == ["Guests", "exam/part2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "2090-12-01T08:00"], "end after it begins"),
        (["--from", "noon"], "is no date and time"),
        (["--add-group", "Students", "--remove-group", "Nobody"], "no user or group"),
        (["--to", "2090-12-02T08:00", "--add-document", "no"], "There is no document 'no'"),
    ],
)
def test_a_wrong_change_changes_nothing(
    timapp: CommandLine, here: Site, words: list[str], said: str
) -> None:
    """What cannot be is refused, with all that was said beside it."""
    add(timapp)
    before = listed(timapp)
    assert said in timapp.refused("exam", "change", "Algebra 1", *words)
    assert listed(timapp) == before


def test_an_exam_to_come_is_deleted(timapp: CommandLine, here: Site) -> None:
    """Its documents are open again then, and its title is free."""
    add(timapp)
    browser = here.logged_in("alice")
    assert browser.get("/view/exam/part1").status_code == 403
    assert timapp.done("exam", "delete", "Algebra 1") == f"Deleted the exam {_SHOWN}.\n"
    assert listed(timapp) == []
    assert browser.get("/view/exam/part1").status_code == 200
    add(timapp)
    timapp.done("exam", "begin", "Algebra 1", "--yes")
    assert "has begun" in timapp.refused("exam", "delete", "Algebra 1")
    assert len(listed(timapp)) == 1


def test_an_exam_that_runs_is_changed_where_nobody_loses_by_it(
    timapp: CommandLine, here: Site
) -> None:
    """It has a later end, other documents, more groups and another title, and no other policy."""
    add(timapp)
    here.add_user("bob", ["Guests"])
    here.add_document("exam/part2")
    timapp.done("exam", "begin", "Algebra 1", "--yes")
    for words in (
        ["--from", "2090-12-01T08:00"],
        ["--remove-group", "Students", "--to", "2090-12-01T13:00"],
        ["--device", "any", "--add-document", "exam/part2"],
    ):
        before = listed(timapp)
        assert "nobody is taken out of it" in timapp.refused("exam", "change", "Algebra 1", *words)
        assert listed(timapp) == before
    words = ["--title", "Algebra 2", "--to", "2090-12-01T12:10", "--from", NINE, "--device", "same"]
    words += ["--add-group", "Guests", "--add-document", "exam/part2", "--remove-group", "bob"]
    words += ["--remove-document", "exam/part1", "--add-supervisors", "Teachers"]
    here.add_user("tess", ["Teachers"])
    changed = timapp.done("exam", "change", "Algebra 1", *words)
    assert changed.startswith("The exam is 'Algebra 2' (from ")
    assert " they can verify nobody: tess.\n2 people sit it as groups are now.\n" in changed
    timapp.done("exam", "change", "Algebra 2", "--remove-supervisors", "Session supervisors")
    (row,) = listed(timapp)
    assert [row[0], row[1], *row[3:]] == [
        *("Algebra 2", "runs", "2090-12-01T12:10+02:00", "Guests, Students", "exam/part2"),
        *("Teachers", "block_new, hold, same"),
    ]
    timapp.done("exam", "end", "Algebra 2")
    for words in (["--to", "2090-12-01T13:00"], ["--remove-document", "exam/part2"]):
        assert "only its title" in timapp.refused("exam", "change", "Algebra 2", *words)
    renamed = timapp.done("exam", "change", "Algebra 2", "--title", "Algebra II")
    assert renamed.startswith("The exam is 'Algebra II' (from ")
    assert len(renamed.splitlines()) == 1


def test_sessions_of_an_exam_are_listed_and_exported(timapp: CommandLine, here: Site) -> None:
    """Those of who sits it, in its time; without the option all are, also while it runs."""
    here.add_user("bob")
    for name in ("alice", "bob"):
        here.logged_in(name)
    add(timapp)
    timapp.done("exam", "begin", "Algebra 1", "--yes")
    here.logged_in("alice", "in the hall")
    for command in ("list", "export"):
        lines = timapp.done("session", command, "--exam", "algebra 1").splitlines()
        assert [line for line in lines if "alice" in line or "bob" in line] == [
            line for line in lines if "in the hall" in line
        ]
        assert sum("in the hall" in line for line in lines) == 1
        assert len(timapp.done("session", command).splitlines()) == len(lines) + 2
        assert "There is no exam 'Logic'" in timapp.refused("session", command, "--exam", "Logic")


def test_a_person_who_is_there_is_put_into_groups(timapp: CommandLine, here: Site) -> None:
    """It counts at once for whoever is logged in; repeated, and what cannot be, changes nothing."""
    here.add_user("boss", ["Administrators", "Session supervisors"])
    alice = here.logged_in("alice")
    assert alice.get("/administer/exams").status_code == 403
    words = ("user", "group", "ALICE", "--add", "Administrators", "--remove", "Students")
    assert timapp.done(*words) == "Groups of alice: Administrators\n"
    assert alice.get("/administer/exams").status_code == 200
    again = timapp.done(*words)
    assert again == "Groups of alice already; nothing was changed: Administrators\n"
    for more, said in (
        (["--add", "Nil"], "no user or group named 'Nil'"),
        (["--add", "boss"], "is a user, not a group"),
        (["--add", "Students", "--remove", "Students"], "both"),
    ):
        assert said in timapp.refused("user", "group", "alice", "--remove", "Administrators", *more)
    assert "no user named 'no'" in timapp.refused("user", "group", "no", "--add", "Students")
    assert timapp.done("user", "group", "alice") == "Groups of alice: Administrators\n"
    timapp.done("user", "group", "alice", "--remove", "Administrators")
    assert alice.get("/administer/exams").status_code == 403
    assert timapp.done("user", "group", "alice") == "Groups of alice: none\n"


def test_an_exam_asks_for_safe_exam_browser(
    timapp: CommandLine, here: Site, tmp_path: Path
) -> None:
    """A file is made for the site's address, can be saved, and one's own takes its place."""
    refused = timapp(
        *("exam", "add", "Geometry", "--from", NINE, "--to", TWELVE, "--browser", "required")
    )
    assert refused.exit_code == 1
    assert "SITE_URL has to say it" in refused.stderr
    timapp.env["TIM_SITE_URL"] = "https://exam.example.org"
    add(timapp, "--browser", "shown")
    timapp.done("exam", "change", "Algebra 1", "--browser", "required")
    said = timapp.done("exam", "browser", "Algebra 1").splitlines()
    assert said[0] == "Safe Exam Browser: required"
    assert said[2].startswith("Link: sebs://exam.example.org/seb/")
    saved = tmp_path / "saved.seb"
    timapp.done("exam", "browser", "Algebra 1", "--save", str(saved))
    own = read_seb_file(saved.read_bytes())
    assert f"Config Key of the file: {own.key}" in said
    saved.write_bytes(plistlib.dumps({"quitURL": "https://a.example/"}))
    said = timapp.done("exam", "browser", "Algebra 1", "--use", str(saved)).splitlines()
    assert f"Config Key of the file: {read_seb_file(saved.read_bytes()).key}" in said
    assert "Quit link: https://a.example/" in said
    said = timapp.done("exam", "browser", "Algebra 1", "--make").splitlines()
    assert f"Config Key of the file: {own.key}" in said
    words = ("exam", "browser", "Algebra 1", "--add-key", "A" * 64, "--config-key", "b" * 64)
    said = timapp.done(*words).splitlines()
    assert said[-2:] == [f"Config Key: {'b' * 64}", f"Browser Exam Key: {'a' * 64}"]
    said = timapp.done("exam", "browser", "Algebra 1", "--remove-key", "a" * 64).splitlines()
    assert said[-1] == f"Config Key: {'b' * 64}"
    wrong = timapp("exam", "browser", "Algebra 1", "--add-key", "abc")
    assert wrong.exit_code == 1
    assert "is no key of Safe Exam Browser" in wrong.stderr
    saved.write_bytes(b"pswd")
    assert "encrypted" in timapp("exam", "browser", "Algebra 1", "--use", str(saved)).stderr
    assert timapp("exam", "browser", "Algebra 1", "--use", str(saved), "--make").exit_code == 2


def test_who_cannot_open_the_documents_is_told_before_and_as_it_begins(
    timapp: CommandLine, here: Site
) -> None:
    """Planning, the list and the beginning count them, and say what gives the right."""
    for name in ("bob", "carol"):
        here.add_user(name, ["XL class"])
    here.add_user("dan", ["XL class", "Students"])
    here.add_document("exam/part2", ["alice", "XL class"])
    warning = (
        "Warning: 2 people of 'Algebra 1' cannot open exam/part1, for lack of the right. To give"
        " it:\n  timapp grant view exam/part1 'XL class'\n"
    )
    added = add(timapp, "--group", "XL class", "--document", "exam/part2")
    assert added.endswith(f"4 people would sit it as groups are now.\n{warning}")
    changed = timapp.done("exam", "change", "Algebra 1", "--device", "any")
    assert changed.endswith(warning)
    assert timapp("exam", "list").stderr == warning
    assert warning in timapp("exam", "begin", "Algebra 1").stdout
    assert timapp.done("exam", "begin", "Algebra 1", "--yes").endswith(f"ended.\n{warning}")
    assert here.logged_in("bob").get("/view/exam/part1").status_code == 403
    timapp.done("grant", "view", "exam/part1", "XL class")
    assert timapp("exam", "list").stderr == ""
    assert here.logged_in("carol").get("/view/exam/part1").status_code == 200
