"""Backups are whole, go from either kind of database to either, and are restored as a whole."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import MakeApp
from tests.databases import PostgreSQLDatabases, SQLiteDatabases
from tests.filled import content, fill, require_filled
from tests.newer import HEAD, newer_scripts
from tests.site import Site
from timApp.auth.site import db
from timApp.database.backup.file import MANIFEST, BackupError, open_backup
from timApp.database.backup.restore import restore_backup
from timApp.database.backup.take import take_backup
from timApp.database.engine import open_engine
from timApp.database.migrate import downgrade_database, newer_revision, scripts, upgrade_database
from timApp.database.migrating.names import SameNames
from timApp.user.user import require_user
from timApp.util.errors import Conflict

NewDatabase = Callable[[], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> Iterator[NewDatabase]:
    """What makes fresh databases of a kind of its own, whichever kind `site` has."""
    databases: SQLiteDatabases | PostgreSQLDatabases
    databases = request.getfixturevalue(f"{request.param}_databases")
    with ExitStack() as stack:
        yield lambda: stack.enter_context(databases.fresh())


def engine_of(site: Site) -> sa.Engine:
    """Return the engine of a site."""
    with site.app.app_context():
        return db.engine


def backed_up(site: Site, folder: Path) -> Path:
    """Back the site up, and return the file."""
    path = folder / "site.backup"
    with path.open("wb") as file:
        take_backup(engine_of(site), scripts(), file, "1.2.3")
    return path


def restore(url: str, path: Path, *, replace: bool = False) -> list[str]:
    """Restore a backup, and return the revisions that were applied afterwards."""
    engine = open_engine(url)
    try:
        with open_backup(path) as backup:
            applied = restore_backup(engine, scripts(), backup, replace=replace)
    finally:
        engine.dispose()
    return [script.revision for script in applied]


def changed(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """Return a copy of the backup in which a function has changed the files."""
    copy = path.with_suffix(".changed")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return copy


def test_all_that_was_there_is_there(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """Each row of each table comes back to the letter, from either kind of database to either."""
    fill(site)
    before = content(engine_of(site))
    require_filled(before)
    url = new_database()
    assert restore(url, backed_up(site, tmp_path)) == []
    assert content(engine_of(Site(make_app(url)))) == before


def test_a_restored_site_goes_on(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """Cookies, passwords, rights and waiting people are good there, and new rows get numbers."""
    site.add_exam_hall()
    first, second = site.logged_in("alice"), site.blocked()
    url = new_database()
    restore(url, backed_up(site, tmp_path))
    there = Site(make_app(url))
    for old, status in ((first, 200), (second, 490)):
        browser = there.browser()
        cookie = old.client.get_cookie("timapp")
        assert cookie is not None
        browser.client.set_cookie("timapp", cookie.value)
        assert browser.get("/view/exam").status_code == status
    before = content(engine_of(there))
    there.add_user("bob", ["New group"])
    there.add_document("new", ["bob"])
    there.logged_in("bob")
    there.add_admin()
    admin = there.logged_in("admin")
    named = {"session_id": second.session_id}
    assert admin.post("/user/sessions/alice/verify", named).status_code == 200
    assert there.active("alice") == {second.session_id}
    after = content(engine_of(there))
    assert all(set(after[name]) >= set(before[name]) for name in ("usergroup", "sessionchange"))
    with there.app.app_context():
        assert require_user(db, "bob").id > max(row[0] for row in before["useraccount"])


def test_a_backup_is_of_one_moment(site: Site, make_app: MakeApp, tmp_path: Path) -> None:
    """A login while the backup is written is in none of its tables, and does not wait for it."""
    site.add_user("alice")

    class BusyFile(io.BytesIO):
        """A file during whose first write somebody logs in."""

        is_first = True

        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            if self.is_first:
                self.is_first = False
                site.logged_in("alice")
            return super().write(data)

    file = BusyFile()
    manifest = take_backup(engine_of(site), scripts(), file, "1.2.3")
    assert len(site.sessions("alice")) == 1
    assert manifest.tables["usersession"].rows == 0
    assert manifest.tables["sessionchange"].rows == 0
    assert manifest.tables["useraccount"].rows == 1


def test_a_database_with_people_is_left_alone(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """It is only replaced if that is said, and then nothing is left of it."""
    site.add_user("alice")
    path = backed_up(site, tmp_path)
    there = Site(make_app(new_database()))
    fill(there)
    url = there.app.config["DATABASE_URL"]
    before = content(engine_of(there))
    with pytest.raises(Conflict, match="--force"):
        restore(url, path)
    assert content(engine_of(there)) == before
    restore(url, path, replace=True)
    assert content(engine_of(there)) == content(engine_of(site))


def test_a_database_without_tables_gets_them(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """A new database is as good as one whose tables are empty."""
    fill(site)
    url = new_database()
    engine = open_engine(url)
    downgrade_database(engine, "base")
    engine.dispose()
    restore(url, backed_up(site, tmp_path))
    assert content(engine_of(Site(make_app(url)))) == content(engine_of(site))


def test_a_backup_from_before_an_upgrade_is_upgraded(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """A backup with the tables of an older version becomes a database of this one."""
    fill(site)
    before = content(engine_of(site))
    downgrade_database(engine_of(site), "v1_0001")
    path = backed_up(site, tmp_path)
    url = new_database()
    assert restore(url, path)[-1] == HEAD
    restored = content(engine_of(Site(make_app(url))))
    upgrade_database(engine_of(site))
    assert restored == content(engine_of(site))
    # Nothing is missing but what the older tables had no place for.
    new_tables = {"sessionhold", "seat", "copiedsession"}
    new_tables |= {"exam", "examgroup", "examsupervisors", "examdocument", "handin", "sessionundo"}
    new_tables |= {"failedlogin", "passwordfailures"}
    new_tables |= {"look"}
    new_tables |= {"rosterdraft", "sessionproof", "passkey", "passkeychallenge"}
    new_tables |= {"attachment", "documentreference", "apitoken"}
    new_tables |= {"receiver", "notice", "signingkey", "untoldchange"}
    new_tables |= {"federatedidentity", "federatedlogin"}
    newer = {"usersession", "sessionchange"} | new_tables
    assert {name for name, rows in before.items() if rows != restored[name]} == newer
    for name in newer - new_tables:
        assert len(before[name]) == len(restored[name])


def test_a_backup_with_names_that_are_one_by_now_is_restored_and_not_upgraded(
    site: Site, new_database: NewDatabase, tmp_path: Path
) -> None:
    """It has the tables of its own revision then, in which people can be renamed."""
    fill(site)
    downgrade_database(engine_of(site), "v1_0001")
    with engine_of(site).begin() as connection:
        name = "UPDATE useraccount SET name = 'ALICE' WHERE name = 'supervisor'"
        connection.exec_driver_sql(name)
    path = backed_up(site, tmp_path)
    told: list[str] = []
    engine = open_engine(new_database())
    with open_backup(path) as backup, pytest.raises(SameNames, match="'ALICE' and 'alice'"):
        restore_backup(engine, scripts(), backup, report=told.append)
    assert told == ["The backup was restored, with the tables of its own version."]
    with engine.begin() as connection:
        people = "SELECT count(*) FROM useraccount WHERE lower(name) = 'alice'"
        assert connection.exec_driver_sql(people).scalar() == 2
        connection.exec_driver_sql("UPDATE useraccount SET name = 'other' WHERE name = 'ALICE'")
    assert upgrade_database(engine)[-1].revision == HEAD
    engine.dispose()


def test_a_backup_of_a_newer_version_is_refused(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """It says which version to use, and so does a backup of the tables of a later series."""
    known = newer_scripts(tmp_path, "op.add_column('usersession', sa.Column('extra', sa.Text()))")
    upgrade_database(engine_of(site), known=known)
    path = tmp_path / "newer.backup"
    with path.open("wb") as file:
        take_backup(engine_of(site), known, file, "9.9")
    there = Site(make_app(new_database()))
    there.add_user("bob")
    with pytest.raises(BackupError, match=r"newer timApp \(9\.9, revision v1_9001\)"):
        restore(there.app.config["DATABASE_URL"], path, replace=True)
    assert there.user_id("bob")
    assert newer_revision(engine_of(site)) == "v1_9001"
    with engine_of(site).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v2_0001'")
    with pytest.raises(Exception, match=r"newer timApp \(revision v2_0001\)"):
        take_backup(engine_of(site), scripts(), io.BytesIO(), "1.2.3")


def test_newer_tables_of_the_series_are_backed_up_as_far_as_they_are_known(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """All that this version knows is restored from it by this version, and by the newer one."""
    fill(site)
    before = content(engine_of(site))
    known = newer_scripts(tmp_path, "op.add_column('usersession', sa.Column('extra', sa.Text()))")
    upgrade_database(engine_of(site), known=known)
    path = backed_up(site, tmp_path)
    url = new_database()
    assert restore(url, path) == []
    assert content(engine_of(Site(make_app(url)))) == before
    engine = open_engine(new_database())
    with open_backup(path) as backup:
        applied = restore_backup(engine, known, backup)
    assert [script.revision for script in applied] == ["v1_9001"]
    engine.dispose()


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_backup_that_was_cut_off_is_refused(
    sqlite_url: str, make_app: MakeApp, tmp_path: Path, part: float
) -> None:
    """Whatever is left of a file, it is no backup, and nothing is changed."""
    there = Site(make_app(sqlite_url))
    fill(there)
    path = backed_up(there, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(BackupError, match="cut off"):
        restore(sqlite_url, path, replace=True)
    assert there.user_id("alice")


def test_a_backup_that_was_changed_is_refused_as_a_whole(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """Rows too few, rows of another form, a flipped bit, other tables: nothing is changed."""
    fill(site)
    path = backed_up(site, tmp_path)
    there = Site(make_app(new_database()))
    there.add_user("bob")
    url = there.app.config["DATABASE_URL"]
    before = content(engine_of(there))

    def without_a_row(name: str, data: bytes) -> bytes:
        return b"".join(data.splitlines(keepends=True)[1:]) if name == "wrongsecret.tsv" else data

    def without_a_tab(name: str, data: bytes) -> bytes:
        return data.replace(b"\t", b" ", 1) if name == "wrongsecret.tsv" else data

    def of_another_type(name: str, data: bytes) -> bytes:
        return b"one" + data[1:] if name == "wrongsecret.tsv" else data

    def with_a_stranger(name: str, data: bytes) -> bytes:
        if name != MANIFEST:
            return data
        manifest = json.loads(data)
        manifest["tables"]["stranger"] = {"columns": ["a"], "rows": 0}
        return json.dumps(manifest).encode()

    for change in (without_a_row, without_a_tab, of_another_type, with_a_stranger):
        with pytest.raises(BackupError):
            restore(url, changed(path, change), replace=True)
        assert content(engine_of(there)) == before
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("useraccount.tsv").header_offset + 100
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(BackupError, match="damaged"):
        restore(url, path, replace=True)
    assert content(engine_of(there)) == before


def test_a_row_without_what_it_refers_to_undoes_all(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """The database's own checks hold for a backup, too; when one fails nothing is changed."""
    fill(site)
    path = backed_up(site, tmp_path)
    there = Site(make_app(new_database()))
    there.add_user("bob")
    before = content(engine_of(there))

    def of_nobody(name: str, data: bytes) -> bytes:
        return b"999" + data[data.index(b"\t") :] if name == "usersession.tsv" else data

    with pytest.raises(sa.exc.IntegrityError):
        restore(there.app.config["DATABASE_URL"], changed(path, of_nobody), replace=True)
    assert content(engine_of(there)) == before


def test_other_tables_of_the_database_are_nobodys_business(
    site: Site, new_database: NewDatabase, make_app: MakeApp, tmp_path: Path
) -> None:
    """What another program has in the same database is neither backed up nor replaced."""
    fill(site)
    with engine_of(site).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE other (a integer)")
    path = backed_up(site, tmp_path)
    with open_backup(path) as backup:
        assert "other" not in backup.manifest.tables
    url = new_database()
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE other (a integer)")
        connection.exec_driver_sql("INSERT INTO other VALUES (1)")
    restore(url, path, replace=True)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT a FROM other").scalar() == 1
    engine.dispose()
