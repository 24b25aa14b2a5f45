"""The command line: users, documents, rights, sessions, the demo."""

import csv
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from tests.commandline import TIMAPP, CommandLine
from tests.conftest import MakeApp
from tests.live import PROJECT, free_port
from tests.site import PASSWORD, Site
from timApp.auth.site import db
from timApp.cli.commands import session
from timApp.cli.files import replaced_file
from timApp.cli.group import cli
from timApp.cli.output import printable
from timApp.guard.export.stream import Export
from timApp.user.password import password_matches
from timApp.user.user import require_user
from timApp.util.clock import now

COMMANDS = [
    "",
    "run",
    "db",
    "db upgrade",
    "db downgrade",
    "db backup",
    "db check",
    "db restore",
    "db tidy",
    "demo",
    "user",
    "user add",
    "user delete",
    "user disable",
    "user enable",
    "user export",
    "user group",
    "user groups",
    "user import",
    "user list",
    "user passkeys",
    "user passwd",
    "user rename",
    "user show",
    "group",
    "group add",
    "group list",
    "group remove",
    "document",
    "document delete",
    "document import",
    "document list",
    "grant",
    "revoke",
    "rights",
    "session",
    "session list",
    "session verify",
    "session invalidate",
    "session end",
    "session pause",
    "session export",
    "token",
    "token add",
    "token list",
    "token end",
    "webhook",
    "webhook add",
    "webhook list",
    "webhook test",
    "webhook remove",
    "webhook new-key",
    "seat",
    "seat import",
    "seat list",
    "seat link",
    "exam",
    "exam add",
    "exam change",
    "exam delete",
    "exam list",
    "exam begin",
    "exam end",
    "exam browser",
    "hosts",
    "hosts check",
    "hosts status",
    "deliver",
]


@pytest.fixture
def timapp(database_url: str, tmp_path: Path) -> CommandLine:
    """The command line on a fresh database of each kind."""
    return CommandLine(database_url, tmp_path)


@pytest.fixture
def timapp_on_sqlite(sqlite_url: str, tmp_path: Path) -> CommandLine:
    """The command line on a fresh SQLite database."""
    return CommandLine(sqlite_url, tmp_path)


@pytest.fixture
def here(timapp: CommandLine, make_app: MakeApp) -> Site:
    """The site on the command line's database, without a limit of sessions."""
    url = timapp.env["TIM_DATABASE_URL"]
    return Site(make_app(url, SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=None))


def log_in(here: Site, name: str, times: int = 1) -> list[str]:
    """Log the user in, and return the ids of the sessions, the latest last."""
    return [here.logged_in(name, f"Firefox {n}").session_id for n in range(times)]


def states(timapp: CommandLine, *options: str) -> dict[str, str]:
    """Return the sessions' states by their ids, as `session list` tells them."""
    rows = [line.split("\t") for line in timapp.done("session", "list", *options).splitlines()]
    return {row[1]: row[2] for row in rows}


# Help, usage, errors.


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    """The help of each command ends with an example of that command, and the exit code is 0."""
    result = CliRunner().invoke(cli, [*command.split(), "--help"], prog_name="timapp")
    assert result.exit_code == 0
    examples = result.stdout.rpartition("Example")[2].splitlines()[1:]
    assert any(line.strip().startswith(f"timapp {command}") for line in examples)


def test_no_command_is_missing_from_the_test_above() -> None:
    """The list of commands that are tested has all of them in it."""
    context = click.Context(cli)
    found = [""]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        found.append(name)
        if isinstance(command, click.Group):
            found += [f"{name} {sub}" for sub in command.commands]
    assert sorted(found) == sorted(COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    """The outermost help is printed without importing the web, the database or the server."""
    code = (
        "import sys\nfrom timApp.cli import main\nsys.argv = ['timapp', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'flask', 'sqlalchemy', 'aiohttp', 'granian', 'rich', 'alembic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: timapp [OPTIONS] COMMAND")


def test_it_tells_its_version() -> None:
    """`timapp --version` prints one line with the name and the version."""
    result = CliRunner().invoke(cli, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("timapp ")


@pytest.mark.parametrize("host", ["host.invalid", "192.0.2.1", "a..b", "x" * 100])
def test_a_host_that_cannot_be_served_on_is_one_line(
    timapp_on_sqlite: CommandLine, host: str
) -> None:
    """An unknown host, and an address of another machine, are refused in one line."""
    error = timapp_on_sqlite.refused("run", "--host", host, "--port", str(free_port()))
    assert error.endswith(" choose another with --host.")


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["user", "nonsense"],
        ["user", "add"],
        ["user", "add", "a", "b"],
        ["user", "list", "--nonsense"],
        ["grant", "own", "a", "b"],
        ["grant", "view", "a"],
        ["session", "list", "--state", "sleeping"],
        ["session", "export", "--format", "xml"],
        ["session", "verify"],
        ["document", "import", "/does/not/exist"],
        ["run", "--port", "0"],
        ["run", "--port", "70000"],
        ["run", "--port", "x"],
        ["run", "--workers", "0"],
        ["user", "add", "\udcff"],
    ],
)
def test_wrong_usage_is_code_2(timapp_on_sqlite: CommandLine, words: list[str]) -> None:
    """What the command line cannot be read as ends with code 2, and says how to get help."""
    timapp_on_sqlite.refused(*words, code=2)


def test_a_wrong_option_is_one_line(timapp_on_sqlite: CommandLine) -> None:
    """An unknown option of the configuration ends every command with one line that names it."""
    timapp_on_sqlite.env["TIM_SESSION_ENABLE"] = "1"
    for words in (["user", "list"], ["db", "upgrade"], ["run"], ["demo"]):
        assert (
            "SESSION_ENABLE (environment variable TIM_SESSION_ENABLE): there is no such option"
            in (timapp_on_sqlite.refused(*words))
        )


@pytest.mark.parametrize("words", ["run", "demo", "user list", "session list", "session export"])
def test_a_database_without_tables_says_what_to_do(tmp_path: Path, words: str) -> None:
    """Before `db upgrade` every other command ends with one line that says to run it."""
    file = tmp_path / "new.db"
    timapp = CommandLine(f"sqlite:///{file}", tmp_path)
    error = (
        f"Error: There is no database file at {file}; put it back, or, for a new site, run"
        " `timapp db upgrade`."
    )
    assert timapp.refused(*words.split()) == error
    file.touch()
    error = "Error: The database is not up to date; run `timapp db upgrade`."
    assert timapp.refused(*words.split()) == error
    assert timapp.done("db", "upgrade").endswith("\nThe database is up to date.\n")
    assert timapp.done("db", "upgrade") == "The database is up to date.\n"
    if words != "run":
        timapp.done(*words.split())


@pytest.mark.parametrize("words", ["run", "db upgrade", "user list"])
def test_a_database_that_cannot_be_reached_is_one_line(tmp_path: Path, words: str) -> None:
    """Without its database a command ends with one line, and never prints the password."""
    file = tmp_path / "text.db"
    file.write_text("no database at all, but some text that is long enough" * 20)
    for url in (
        "postgresql://tim:precious@127.0.0.1:1/tim",
        f"sqlite:///{tmp_path / 'missing' / 'tim.db'}",
        f"sqlite:///{file}",
    ):
        error = CommandLine(url, tmp_path).refused(*words.split())
        assert error.startswith("Error: The database ")
        assert "precious" not in error


def test_each_of_several_hosts_that_are_down_is_told_once(tmp_path: Path) -> None:
    """The reason of each stands once in the line, behind the host and the port that failed."""
    ports = [free_port(), free_port()]
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    error = CommandLine(f"postgres://tim:precious@{hosts}/tim", tmp_path).refused("user", "list")
    assert error == "Error: The database does not answer: " + "; ".join(
        f"127.0.0.1 port {port}: Connection refused" for port in ports
    )


# Users.


def test_a_user_that_was_added_can_log_in(timapp: CommandLine, here: Site) -> None:
    """A new user is in the list with their groups, and logs in with their password."""
    words = ["user", "add", "alice", "--real-name", "Alice Jones", "--email", "a@example.org"]
    words += ["--group", "Students", "--group", "Exam 1", "--password-stdin"]
    assert timapp.done(*words, stdin=f"{PASSWORD}\n") == "Added the user alice.\n"
    timapp.done("user", "add", "bob", "--password-stdin", stdin=PASSWORD)
    assert timapp.done("user", "list") == (
        "alice\tAlice Jones\ta@example.org\tExam 1, Students\nbob\t\t\t\n"
    )
    assert here.browser().log_in("alice").status_code == 200
    assert here.browser().log_in("bob").status_code == 200


def test_a_new_password_replaces_the_old_one(timapp: CommandLine, here: Site) -> None:
    """After `user passwd` only the new password logs in."""
    here.add_user("alice")
    new = "purple llama sings"
    assert timapp.done("user", "passwd", "alice", "--password-stdin", stdin=f"{new}\n") == (
        "Set the password of alice; 0 sessions ended.\n"
    )
    assert here.browser().log_in("alice", new).status_code == 200
    assert here.browser().log_in("alice").status_code == 403


@pytest.mark.parametrize(
    ("stdin", "password"),
    [
        (f"{PASSWORD}\n", PASSWORD),
        (PASSWORD, PASSWORD),
        (f"{PASSWORD}\r\n", PASSWORD),
        (f" ä{PASSWORD} \n", f" ä{PASSWORD} "),
    ],
)
def test_one_line_end_is_dropped_from_a_password(
    timapp_on_sqlite: CommandLine, make_app: MakeApp, stdin: str, password: str
) -> None:
    """Of standard input everything is the password but one line end."""
    timapp_on_sqlite.done("user", "add", "alice", "--password-stdin", stdin=stdin.encode())
    with make_app(timapp_on_sqlite.env["TIM_DATABASE_URL"]).app_context():
        assert password_matches(require_user(db, "alice").password_hash, password)


@pytest.mark.parametrize("stdin", ["", "\n", "a\n\n", b"\xff\n", "x" * 1025, "x" * 10_000])
def test_a_bad_password_adds_nobody(timapp_on_sqlite: CommandLine, stdin: str | bytes) -> None:
    """What is empty, overlong, undecodable or two lines is an error without the password."""
    error = timapp_on_sqlite.refused("user", "add", "alice", "--password-stdin", stdin=stdin)
    assert "password" in error
    assert "xx" not in error
    assert timapp_on_sqlite.done("user", "list") == ""


def test_without_a_terminal_a_password_is_not_asked_for(timapp_on_sqlite: CommandLine) -> None:
    """Where nobody can be asked, the error names --password-stdin."""
    error = timapp_on_sqlite.refused("user", "add", "alice", stdin="x\n", code=2)
    assert "--password-stdin" in error
    assert timapp_on_sqlite.done("user", "list") == ""


def test_what_is_wrong_with_a_user_is_one_line(timapp: CommandLine) -> None:
    """A name that is taken or unfit, and an unknown one, are errors that change nothing."""
    add = ["--password-stdin"]
    timapp.done("user", "add", "alice", "--group", "Students", *add, stdin=PASSWORD)
    for name in ("alice", "Students", "", "a\nb", "x" * 300):
        timapp.refused("user", "add", name, *add, stdin=PASSWORD)
    timapp.refused("user", "add", "bob", "--group", "alice", *add, stdin=PASSWORD)
    assert "'nobody'" in timapp.refused("user", "passwd", "nobody", *add, stdin=PASSWORD)
    assert timapp.done("user", "list") == "alice\t\t\tStudents\n"


# Documents and rights.


def test_documents_are_imported_and_granted(
    timapp: CommandLine, here: Site, tmp_path: Path
) -> None:
    """What is imported is readable by whoever is granted the right, and by nobody else."""
    folder = tmp_path / "documents"
    (folder / "exam").mkdir(parents=True)
    for name in ("exam/part1", "exam/part2", "note"):
        (folder / f"{name}.md").write_text(f"# {name}\n")
    imported = ["document", "import", str(folder)]
    assert timapp.done(*imported) == "3 documents: 3 new, 0 changed, 0 unchanged.\n"
    (folder / "note.md").write_text("# Changed\n")
    assert timapp.done(*imported) == "3 documents: 0 new, 1 changed, 2 unchanged.\n"
    here.add_user("alice", ["Students"])
    here.add_user("bob")
    alice, bob = here.logged_in("alice"), here.logged_in("bob")
    assert alice.get("/view/exam/part1").status_code == 403
    granted = ["grant", "view", "exam/part1", "Students"]
    assert timapp.done(*granted) == "Students may now view exam/part1.\n"
    assert timapp.done(*granted) == "Students could already view exam/part1.\n"
    assert alice.get("/view/exam/part1").status_code == 200
    assert bob.get("/view/exam/part1").status_code == 403
    timapp.done("grant", "manage", "exam/part1", "bob")
    assert bob.get("/view/exam/part1").status_code == 200


def test_an_import_names_what_is_referred_to_and_not_there(
    timapp: CommandLine, tmp_path: Path
) -> None:
    """It is done all the same, as what is missing may come later."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.md").write_text("![](there.png) ![](gone.png) [next](b)\n")
    (folder / "there.png").write_bytes(b"PNG")
    result = timapp("document", "import", str(folder))
    assert result.exit_code == 0
    assert result.stdout.startswith("1 document: 1 new")
    assert result.stderr == (
        "a refers to b, which is not here.\na refers to gone.png, which is not here.\n"
    )
    (folder / "b.md").write_text("# B\n")
    (folder / "gone.png").write_bytes(b"PNG")
    timapp.done("document", "import", str(folder))


def test_an_import_is_all_or_nothing(timapp: CommandLine, tmp_path: Path) -> None:
    """One file that cannot be imported is named, and keeps the others from being imported."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n")
    (folder / "b.md").write_bytes(b"\xff\xfe")
    assert "b.md" in timapp.refused("document", "import", str(folder))
    (folder / "b.md").unlink()
    assert timapp.done("document", "import", str(folder)).startswith("1 document: 1 new")


def test_a_right_to_nothing_or_for_nobody_is_an_error(timapp: CommandLine, here: Site) -> None:
    """An unknown document and an unknown user or group are named by the error."""
    here.add_document("note")
    assert "'missing'" in timapp.refused("grant", "view", "missing", "Students")
    assert "'Students'" in timapp.refused("grant", "view", "note", "Students")


# Sessions.


def test_sessions_are_listed(timapp: CommandLine, here: Site) -> None:
    """Each session is a line with its user, state, times, origin and seat, filtered as asked."""
    here.add_user("alice")
    here.add_user("bob")
    first, second = log_in(here, "alice", 2)
    (other,) = log_in(here, "bob")
    timapp.done("session", "invalidate", "alice", first)
    expected = {first: "expired", second: "active", other: "active"}
    assert states(timapp) == expected
    assert states(timapp, "--state", "active") == {second: "active", other: "active"}
    assert states(timapp, "--state", "expired", "--user", "alice") == {first: "expired"}
    cells = timapp.done("session", "list", "--user", "bob").rstrip("\n").split("\t")
    assert cells[:3] == ["bob", other, "active"]
    assert cells[3].startswith(f"{now():%Y-}")
    assert cells[4:] == ["", "[127.0.0.1] Firefox 0", ""]


def test_a_session_is_verified_and_invalidated(timapp: CommandLine, here: Site) -> None:
    """Verifying makes one session active and expires the others; invalidating expires."""
    here.add_user("alice")
    first, second, third = log_in(here, "alice", 3)
    assert timapp.done("session", "verify", "alice") == "Verified the latest session of alice.\n"
    assert states(timapp) == {first: "expired", second: "expired", third: "active"}
    timapp.done("session", "verify", "alice", first)
    assert states(timapp) == {first: "active", second: "expired", third: "expired"}
    timapp.done("session", "invalidate", "alice", second)
    assert states(timapp, "--state", "active") == {first: "active"}
    timapp.done("session", "invalidate", "alice")
    assert states(timapp, "--state", "active") == {}


def test_a_session_is_ended_for_good(timapp: CommandLine, here: Site) -> None:
    """What is ended is as logged out, one session or all, also those of administrators."""
    here.add_admin()
    first, second, third = log_in(here, "admin", 3)
    assert (
        timapp.done("session", "end", "admin", second) == f"Ended the session {second} of admin.\n"
    )
    assert states(timapp) == {first: "active", second: "logged out", third: "active"}
    timapp.refused("session", "verify", "admin", second)
    assert timapp.done("session", "end", "admin") == "Ended all sessions of admin.\n"
    assert set(states(timapp).values()) == {"logged out"}
    assert [change.action.value for change in here.changes()][-2:] == ["end", "end"]


def test_nothing_changes_for_a_session_that_is_not_there(timapp: CommandLine, here: Site) -> None:
    """An unknown user or session is an error, and every session stays as it was."""
    here.add_user("alice")
    here.add_user("bob")
    timapp.refused("session", "verify", "bob")
    log_in(here, "alice", 2)
    before = timapp.done("session", "list")
    for action in ("verify", "invalidate", "end"):
        assert "'nobody'" in timapp.refused("session", action, "nobody")
        assert "'missing'" in timapp.refused("session", action, "alice", "missing")
    assert "'nobody'" in timapp.refused("session", "list", "--user", "nobody")
    assert "'nobody'" in timapp.refused("session", "export", "--user", "nobody")
    assert timapp.done("session", "list") == before


def test_a_logged_out_session_is_not_verified(timapp: CommandLine, here: Site) -> None:
    """A session that is logged out cannot be verified, and the user's others stay active."""
    here.add_user("alice")
    (kept,) = log_in(here, "alice")
    browser = here.logged_in("alice")
    browser.log_out()
    timapp.refused("session", "verify", "alice", browser.session_id)
    assert states(timapp) == {kept: "active", browser.session_id: "logged out"}


@pytest.mark.parametrize("export_format", ["csv", "json"])
def test_sessions_are_exported(
    timapp: CommandLine, here: Site, tmp_path: Path, export_format: str
) -> None:
    """An export has the sessions that were asked for, on standard output as in a file."""
    here.add_user("alice")
    expired, active = log_in(here, "alice", 2)
    timapp.done("session", "invalidate", "alice", expired)
    words = ["session", "export", "--format", export_format]
    file = tmp_path / "sessions"
    assert timapp.done(*words, "--output", str(file)) == ""
    assert file.read_bytes() == timapp(*words).stdout_bytes
    content = file.read_text()
    read = json.loads if export_format == "json" else csv_rows
    assert [row["session_id"] for row in read(content)] == [expired, active]
    content = timapp.done(*words, "--state", "active", "--user", "alice", "--output", "-")
    assert [row["session_id"] for row in read(content)] == [active]


def csv_rows(content: str) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    return list(csv.DictReader(content.splitlines()))


class _Forgetful(Export):
    """An export that promises a row more than it has."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.row_count += 1


class _Torn(Export):
    """An export whose last block is lost."""

    def __iter__(self) -> Iterator[bytes]:
        blocks = list(super().__iter__())
        return iter(blocks[:-1])


@pytest.mark.parametrize("export_format", ["csv", "json"])
@pytest.mark.parametrize("broken", [_Forgetful, _Torn])
def test_an_incomplete_export_leaves_no_file(
    timapp: CommandLine,
    here: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    export_format: str,
    broken: type[Export],
) -> None:
    """Unless all rows are written the exit code is 1, and the file is not there or as before."""
    here.add_user("alice")
    log_in(here, "alice")
    monkeypatch.setattr(session, "Export", broken)
    folder = tmp_path / "exports"
    folder.mkdir()
    words = ["session", "export", "--format", export_format]
    assert "do not use it" in timapp.refused(*words, "--output", str(folder / "new"))
    assert list(folder.iterdir()) == []
    (folder / "old").write_text("old")
    timapp.refused(*words, "--output", str(folder / "old"))
    assert (folder / "old").read_text() == "old"
    assert [file.name for file in folder.iterdir()] == ["old"]
    assert timapp(*words).exit_code == 1


def test_an_export_is_for_its_owner_only(timapp_on_sqlite: CommandLine, tmp_path: Path) -> None:
    """The file of an export can be read by nobody but its owner."""
    file = tmp_path / "sessions.csv"
    timapp_on_sqlite.done("session", "export", "--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_one_line(
    timapp_on_sqlite: CommandLine, tmp_path: Path
) -> None:
    """A missing folder, and something that is no file, are errors; nothing is replaced."""
    missing = tmp_path / "missing" / "file"
    assert str(missing) in timapp_on_sqlite.refused("session", "export", "--output", str(missing))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    timapp_on_sqlite.refused("session", "export", "--output", str(pipe))
    assert pipe.is_fifo()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Writing through a link replaces what it leads to."""
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with replaced_file(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_reader_that_leaves_early_is_no_error(
    timapp_on_sqlite: CommandLine, make_app: MakeApp
) -> None:
    """A pipe that is closed half-way ends an export without a word."""
    env = os.environ | timapp_on_sqlite.env
    here = Site(make_app(env["TIM_DATABASE_URL"], SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=None))
    here.add_user("alice")
    log_in(here, "alice", 2)
    with subprocess.Popen(
        [*TIMAPP, "session", "export"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
        env=env,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


# What terminals obey.


def test_an_origin_cannot_control_the_terminal() -> None:
    """Escape sequences, line ends and marks of direction are printed as replacement characters."""
    assert printable("a\x1b[2Jb\tc\nd\u202ee\x9bf äö 漢字") == "a�[2Jb�c�d�e�f äö 漢字"


# The demo.


def test_the_demo_can_be_used_and_repeated(timapp: CommandLine, here: Site, tmp_path: Path) -> None:
    """The demo's accounts log in and read its documents; a second run prints the same accounts."""
    first = timapp.done("demo")
    file = tmp_path / "demo-accounts.txt"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    accounts = {
        name: password
        for name, password, _ in (line.split("\t") for line in file.read_text().splitlines())
    }
    assert list(accounts) == ["admin", "supervisor", "student1", "student2", "student3"]
    assert all(password in first and len(password) >= 10 for password in accounts.values())
    assert len(set(accounts.values())) == 5
    users = timapp.done("user", "list")
    assert timapp.done("demo") == first
    assert timapp.done("user", "list") == users
    browser = here.browser()
    assert browser.log_in("student2", accounts["student2"]).status_code == 200
    assert browser.get("/view/exam/part1").status_code == 200
    admin = here.browser()
    admin.log_in("admin", accounts["admin"])
    assert admin.get("/user/sessions/all").status_code == 200


def test_the_demo_leaves_other_databases_alone(timapp: CommandLine, here: Site) -> None:
    """A database that has users already is not changed by the demo."""
    here.add_user("alice")
    before = timapp.done("user", "list")
    assert timapp.done("demo") == "The database has its own users; nothing was changed.\n"
    assert timapp.done("user", "list") == before


# A database of another version


@pytest.mark.parametrize("words", ["db upgrade", "run", "session list", "user list", "demo"])
def test_tables_of_another_version_are_refused_in_one_sentence(
    timapp: CommandLine, engine: sa.Engine, words: str
) -> None:
    """What to do is said by each command, and the database stays as it was."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0011'")
        connection.exec_driver_sql("DROP TABLE sessionorder")
    before = sa.inspect(engine).get_table_names()
    error = timapp.refused(*words.split())
    assert "another version of timApp (revision 0011)" in error
    assert "`timapp session export`" in error
    assert "`timapp db upgrade`" in error
    assert sa.inspect(engine).get_table_names() == before
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars()
        assert list(found) == ["0011"]
