"""The file of a SQLite database, as an operator meets it: where it is, and who can read it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commandline import TIMAPP, CommandLine
from tests.conftest import MakeApp
from tests.live import PROJECT, environment_of
from tests.site import Site

# Becomes the program of its arguments, which may leave what it makes open to everybody.
OPEN_TO_ALL = "import os, sys; os.umask(0); os.execv(sys.argv[1], sys.argv[1:])"

NEEDING = [
    "run",
    "demo",
    "user add alice --password-stdin",
    "user list",
    "session list",
    "document import .",
    "deliver --once",
    "hosts status",
    "db check",
    "db backup site.backup",
    "db downgrade --yes",
    "db tidy",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, where nothing is."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("words", NEEDING)
def test_a_file_that_was_moved_away_is_named_and_not_made(folder: Path, words: str) -> None:
    """Whatever needs the database says where it is not, what to do, and leaves no file there."""
    file = folder / "site.db"
    timapp = CommandLine(f"sqlite:///{file}", folder.parent)
    assert timapp.refused(*words.split()) == (
        f"Error: There is no database file at {file}; put it back, or, for a new site, run"
        " `timapp db upgrade`."
    )
    assert list(folder.iterdir()) == []


def test_an_upgrade_says_that_it_makes_a_database(folder: Path) -> None:
    """Whoever did not mean to begin a site reads it in the first line; once, and with its path."""
    file = folder / "site.db"
    timapp = CommandLine(f"sqlite:///{file}", folder.parent)
    assert timapp.done("db", "upgrade").startswith(
        f"Made the database {file}, which was not there.\nApplied "
    )
    assert timapp.done("db", "upgrade") == "The database is up to date.\n"


@pytest.mark.parametrize("words", [*NEEDING, "db upgrade"])
def test_a_folder_that_is_not_there_is_named_and_not_made(folder: Path, words: str) -> None:
    """A disk that is not mounted, or a slip in the path, is one line that says which folder."""
    file = folder / "disk" / "site.db"
    timapp = CommandLine(f"sqlite:///{file}", folder.parent)
    assert timapp.refused(*words.split()) == (
        f"Error: The database file {file} cannot be there, as there is no folder {file.parent}."
        " Make the folder, mount the disk that it is on, or name another file in DATABASE_URL."
    )
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_made_or_looked_at_is_one_line(folder: Path) -> None:
    """It is named, with the system's reason."""
    for file, words in (
        ("/proc/site.db", "cannot be made"),
        (f"{folder}/{'x' * 300}", "is out of reach"),
    ):
        error = CommandLine(f"sqlite:///{file}", folder.parent).refused("db", "upgrade")
        assert error.startswith(f"Error: The database file {file} {words}: ")


def test_only_its_owner_can_read_what_a_site_makes(tmp_path: Path, make_app: MakeApp) -> None:
    """Database, its log, backups and the instance folder are closed, whatever the umask is."""
    instance = tmp_path / "instance"
    file = instance / "timapp.db"
    environment = environment_of(f"sqlite:///{file}", instance, {"DATABASE_URL": "none"})

    def timapp(*words: str) -> None:
        subprocess.run(
            [sys.executable, "-c", OPEN_TO_ALL, *TIMAPP, *words],
            cwd=PROJECT,
            env=environment,
            check=True,
        )

    timapp("db", "upgrade")
    timapp("demo")
    timapp("db", "backup", str(instance / "site.backup"))
    timapp("db", "restore", str(instance / "site.backup"), "--force")
    here = Site(make_app(f"sqlite:///{file}"))
    before = os.umask(0)
    try:
        here.add_user("alice")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in instance.iterdir()}
    finally:
        os.umask(before)
    assert {"timapp.db", "timapp.db-wal", "timapp.db-shm", "site.backup"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(instance.stat().st_mode) == 0o700


def test_a_restore_makes_a_file_that_only_its_owner_can_read(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Where there was no database, a restore makes one that is as closed as any other."""
    CommandLine(sqlite_url, tmp_path).done("db", "backup", str(tmp_path / "site.backup"))
    file = tmp_path / "new.db"
    before = os.umask(0)
    try:
        CommandLine(f"sqlite:///{file}", tmp_path).done(
            "db", "restore", str(tmp_path / "site.backup")
        )
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_others_can_read_is_told_at_the_start(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy, say, that is open: `timapp run` names it and says what to do, and serves."""
    served: list[object] = []
    monkeypatch.setattr("timApp.cli.commands.run.end_at_interrupt", lambda: None)
    monkeypatch.setattr("timApp.cli.commands.run.serve", lambda *words: served.append(words))
    timapp = CommandLine(sqlite_url, tmp_path)
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    for mode in (0o600, 0o640, 0o604):
        file.chmod(mode)
        told = timapp("run").stderr
        assert told.count(f"chmod 600 {file}") == told.count("\n") == (mode != 0o600), told
    assert len(served) == 3


@pytest.mark.parametrize(
    "words",
    [
        "user add alice --password-stdin",
        "user list",
        "session list",
        "session export",
        "grant view exam Students",
        "document import .",
        "deliver --once",
        "hosts status",
        "db check",
        "db tidy",
        "db backup site.backup",
        "db upgrade",
        "db downgrade --yes",
    ],
)
def test_a_command_leaves_nothing_beside_the_file(
    folder: Path, sqlite_url: str, words: str
) -> None:
    """What it has written is in the file, which may be copied alone, however the command ends."""
    CommandLine(sqlite_url, folder)(*words.split(), stdin="correct horse\n")
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    assert list(file.parent.glob(f"{file.name}-*")) == []
