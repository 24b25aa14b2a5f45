"""A damaged SQLite file, which is what a backup is there for."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.commandline import CommandLine
from tests.filled import fill
from tests.site import Site, open_app


def _overwrite(data: bytearray) -> None:
    data[4096:] = b"x" * (len(data) - 4096)


def _overwrite_one_page(data: bytearray) -> None:
    data[4096 * 3 : 4096 * 3 + 2000] = b"x" * 2000


def _cut_off(data: bytearray) -> None:
    del data[4096 * 5 :]


def _overwrite_head(data: bytearray) -> None:
    data[:100] = b"x" * 100


HARMS = [_overwrite, _overwrite_one_page, _cut_off, _overwrite_head]


@pytest.fixture
def file(sqlite_url: str) -> Path:
    """The file of the database."""
    return Path(sqlite_url.removeprefix("sqlite:///"))


@pytest.fixture
def timapp(sqlite_url: str, tmp_path: Path) -> CommandLine:
    """The command line on a database that has been filled and backed up."""
    with open_app(sqlite_url, tmp_path) as app:
        fill(Site(app))
    timapp = CommandLine(sqlite_url, tmp_path)
    timapp.done("db", "backup", str(tmp_path / "site.backup"))
    return timapp


def damaged(file: Path, harm: Callable[[bytearray], None]) -> bytes:
    """Do harm to a file, and return what is in it then."""
    data = bytearray(file.read_bytes())
    harm(data)
    file.write_bytes(data)
    return bytes(data)


def others(file: Path) -> list[Path]:
    """Return what there is beside a file, by its name."""
    return sorted(path for path in file.parent.glob(f"{file.name}*") if path != file)


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_damaged_file_is_replaced_by_force_and_kept(
    timapp: CommandLine, file: Path, tmp_path: Path, harm: Callable[[bytearray], None]
) -> None:
    """The site is what it was, and the damaged file is where the command says, as it was."""
    people = timapp.done("user", "list")
    harmed = damaged(file, harm)
    result = timapp("db", "restore", str(tmp_path / "site.backup"), "--force")
    assert result.exit_code == 0, result.output
    (kept,) = others(file)
    assert kept.name.startswith(f"{file.name}.damaged-")
    assert result.stderr.startswith(f"The database file {file} is damaged (")
    assert result.stderr.endswith(f"); it is kept as {kept}.\n")
    assert kept.read_bytes() == harmed
    assert timapp.done("user", "list") == people
    assert timapp.done("db", "check").startswith("The database is sound: 3 people")


def test_the_log_of_a_damaged_file_is_kept_with_it(
    timapp: CommandLine, file: Path, tmp_path: Path
) -> None:
    """What was in the log is not read into the new file, and not lost either."""
    with closing(sqlite3.connect(file)) as left_open:
        left_open.execute("UPDATE useraccount SET real_name = 'in the log'")
        left_open.commit()
        log = file.with_name(f"{file.name}-wal").read_bytes()
        assert b"in the log" in log
        damaged(file, _overwrite)
        result = timapp("db", "restore", str(tmp_path / "site.backup"), "--force")
        assert result.exit_code == 0, result.output
        (kept,) = file.parent.glob(f"{file.name}.damaged-*Z-wal")
        assert kept.read_bytes() == log
        assert "in the log" not in timapp.done("user", "list")
    assert timapp.done("db", "check").startswith("The database is sound: 3 people")


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_damaged_file_is_left_alone_without_force(
    timapp: CommandLine, file: Path, tmp_path: Path, harm: Callable[[bytearray], None]
) -> None:
    """The command names the file, what is wrong with it, and what to say."""
    harmed = damaged(file, harm)
    error = timapp.refused("db", "restore", str(tmp_path / "site.backup"))
    assert error.startswith(f"Error: The database file {file} is damaged (")
    assert "Say --force" in error
    assert file.read_bytes() == harmed
    assert others(file) == []


def test_a_restore_that_fails_leaves_the_damaged_file_in_its_place(
    timapp: CommandLine, file: Path, tmp_path: Path
) -> None:
    """A backup that is damaged, too, takes nobody's place."""
    harmed = damaged(file, _overwrite)
    backup = tmp_path / "site.backup"
    data = bytearray(backup.read_bytes())
    place = data.index(b"usersession.tsv") + len("usersession.tsv") + 40
    data[place : place + 10] = b"x" * 10
    backup.write_bytes(data)
    assert "damaged" in timapp.refused("db", "restore", str(backup), "--force")
    assert file.read_bytes() == harmed
    assert others(file) == []


@pytest.mark.parametrize("words", ["run", "user list", "db check", "db backup other.backup"])
@pytest.mark.parametrize("harm", [_overwrite, _overwrite_head])
def test_whoever_meets_a_damaged_file_is_told_which_it_is_and_what_to_do(
    timapp: CommandLine, file: Path, words: str, harm: Callable[[bytearray], None]
) -> None:
    """The error names the file and the command that puts a backup in its place."""
    damaged(file, harm)
    result = timapp(*words.split())
    assert result.exit_code == 1
    assert f"The database file {file} is damaged (" in result.stderr
    assert "`timapp db restore --force FILE`" in result.stderr
