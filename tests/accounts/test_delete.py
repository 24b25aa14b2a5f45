"""A deleted account is gone, and what is recorded stays, with the name or a pseudonym."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import MakeApp
from tests.filled import ODD, content, fill
from tests.site import PASSWORD, Site
from tests.statements import noted_statements
from timApp.accounts.account import AccountState, require_account
from timApp.accounts.change import Wanted, change_access, change_person
from timApp.accounts.delete import GOES, GOES_WITH_GROUP, STAYS, Deleted, delete_person
from timApp.accounts.held import held_of
from timApp.auth.newpassword import set_password
from timApp.auth.site import current_guard, db
from timApp.database.backup.file import open_backup
from timApp.database.backup.restore import restore_backup
from timApp.database.backup.take import take_backup
from timApp.database.engine import open_engine
from timApp.database.migrate import scripts
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.keeping.contradictions import contradictions
from timApp.guard.reading.record import RecordFilter, found_changes
from timApp.guard.tables.exam import Exam
from timApp.guard.vocabulary import Action, Actor, ActorKind, Cause
from timApp.hosts.outbox.delivery import Delivery
from timApp.user.groups import regroup
from timApp.user.people import Identity, remember, require_person
from timApp.user.roster.enroll import look_at_list
from timApp.user.roster.plan import Entry, Outcome
from timApp.user.search import search_people
from timApp.user.user import User, create_user
from timApp.user.usergroup import UserGroup
from timApp.util.clock import now
from timApp.util.errors import Conflict, NotFound

BOSS = Actor(ActorKind.USER, "admin")


def delete(site: Site, name: str = "alice", *, pseudonym: bool = False) -> Deleted:
    """Delete somebody's account."""
    with site.app.app_context():
        user_id = require_account(db, name).id
        done = delete_person(current_guard(), db, user_id, BOSS, pseudonym=pseudonym)
        db.session.commit()
        return done


def engine_of(site: Site) -> sa.Engine:
    """Return the engine of a site."""
    with site.app.app_context():
        return db.engine


def test_every_reference_to_a_person_or_their_group_goes_or_stays_on_purpose() -> None:
    """Whoever adds a table that names people has to say what becomes of it."""
    for key, known in (
        ("useraccount.id", {*GOES, *STAYS}),
        ("usergroup.id", set(GOES_WITH_GROUP)),
    ):
        found = {
            column
            for table in User.metadata.sorted_tables
            for column in table.columns
            for reference in column.foreign_keys
            if reference.target_fullname == key
        }
        assert found <= known


def test_a_deleted_account_opens_nothing_and_is_found_no_more(hall: Site) -> None:
    """Sessions end, no login begins, and neither a search nor a class list finds the person."""
    hall.add_admin()
    browser = hall.logged_in("alice")
    done = delete(hall)
    assert (done.former, done.name, done.sessions, done.is_new) == ("alice", "alice", 1, True)
    assert browser.get("/user/sessions/current").status_code == 403
    wrong, unknown = (hall.browser().log_in(name, PASSWORD) for name in ("alice", "nobody"))
    assert (wrong.status_code, wrong.json) == (unknown.status_code, unknown.json)
    (session,) = hall.sessions("alice").values()
    assert (session.cause, session.origin, session.device) == (Cause.DISABLED, "", None)
    again = delete(hall)
    assert (again.is_new, again.has_new_name) == (False, False)
    with hall.app.app_context():
        account = require_account(db, "alice")
        assert (account.state, account.email) == (AccountState.DELETED, "")
        assert (account.groups, account.has_password) == ((), False)
        assert search_people(db, "alice") == []
        assert UserGroup.get_by_name(db, "alice") is None
        (line,) = look_at_list(db, [Entry(1, "alice")]).lines
        assert line.outcome is Outcome.WRONG
        assert remember(db, Identity("alice", email="new@example.org")).email == ""
        assert list(contradictions(db.session.connection())) == []


def test_nothing_can_be_done_to_a_deleted_account(hall: Site) -> None:
    """Not changed, opened, regrouped or given a password; nor has anybody else its name."""
    hall.add_admin()
    delete(hall)
    with hall.app.app_context():
        user_id = require_account(db, "alice").id
        person = require_person(db, "alice")
        hall.add_user("other", ["Course"])
        for act in (
            lambda: change_person(db, user_id, Wanted("alice", "New"), BOSS),
            lambda: change_access(current_guard(), db, user_id, Action.ENABLE, BOSS),
            lambda: regroup(db, "alice", ["Course"], []),
            lambda: set_password(person, "purple llama sings", BOSS),
            lambda: create_user(db, "Alice", None),
        ):
            with pytest.raises(Conflict):
                act()
            db.session.rollback()
        with pytest.raises(NotFound):
            delete_person(current_guard(), db, 10**6, BOSS, pseudonym=True)
        change = Change(Action.ENABLE, OnePerson("alice", user_id), BOSS)
        assert not current_guard().apply(change, db).takes_effect
        db.session.rollback()


def personal_texts(rows: dict[str, list[tuple[object, ...]]], *wanted: str) -> list[str]:
    """Return where a database says any of these texts, capitals or not."""
    return [
        f"{table}: {row}"
        for table, found in rows.items()
        for row in found
        if any(text in str(row).lower() for text in wanted)
    ]


def test_with_a_pseudonym_no_table_has_the_person_any_more(site: Site, tmp_path: Path) -> None:
    """Nor has a backup of it; the record has the same made-up name wherever it had theirs."""
    fill(site)
    site.add_admin()
    site.logged_in("alice").log_out()
    with site.app.app_context():
        user_id = require_account(db, "alice").id
        guard = current_guard()
        scope = OnePerson("supervisor", site.user_id("supervisor"))
        guard.apply(Change(Action.DISABLE, scope, Actor(ActorKind.USER, "alice")), db)
        begun = {"begun_at": now(), "begun_by": "alice", "begun_by_kind": ActorKind.USER}
        db.session.execute(sa.update(Exam).values(begun))
        db.session.execute(sa.update(Delivery).values(at=now(), settled_at=now(), made_by="alice"))
        db.session.commit()
    count = len(site.changes())
    done = delete(site, pseudonym=True)
    assert done.name.startswith("Person ")
    rows = content(engine_of(site))
    assert personal_texts(rows, "alice") == []
    assert ODD not in [row[3] for row in rows["useraccount"]]
    of_them = [one for one in site.changes() if one.user_id == user_id]
    by_them = [one for one in site.changes() if one.actor == done.name]
    assert len(site.changes()) == count + 2
    assert {one.action for one in of_them} >= {Action.LOGIN, Action.DELETE, Action.ERASE}
    assert {one.user_id for one in by_them} == {user_id, site.user_id("supervisor")}
    assert all(one.address is None for one in by_them)
    assert {one.actor for one in of_them if one.action is Action.LOGIN} == {done.name}
    with site.app.app_context():
        assert db.session.scalars(sa.select(Exam.begun_by)).one() == done.name
        delivery = db.session.scalars(sa.select(Delivery)).one()
        assert (delivery.user_name, delivery.made_by) == (done.name, done.name)
        page = found_changes(db, RecordFilter(actor=done.name), None, size=50, scan_limit=50)
        assert page.entries
    assert not delete(site, done.name, pseudonym=True).has_new_name
    site.add_user("alice")  # the name is free
    path = tmp_path / "site.backup"
    with path.open("wb") as file:
        take_backup(engine_of(site), scripts(), file, "1.2.3")
    engine = open_engine(f"sqlite:///{tmp_path / 'restored.db'}")
    with open_backup(path) as backup:
        restore_backup(engine, scripts(), backup, replace=False)
    restored = content(engine)
    engine.dispose()
    assert restored == content(engine_of(site))


def test_a_pseudonym_can_be_given_later_and_reaches_former_names_and_nobody_elses(
    site: Site,
) -> None:
    """What they did under a former name is theirs, and what somebody of that name did since not."""
    site.add_admin()
    site.add_user("ann")
    site.logged_in("ann")
    with site.app.app_context():
        change_person(db, require_account(db, "ann").id, Wanted("anna", "Ann"), BOSS)
        db.session.commit()
    site.add_user("ann")
    site.logged_in("ann")
    site.logged_in("anna")
    delete(site, "anna")
    name = delete(site, "anna", pseudonym=True).name
    is_login = {Action.LOGIN, Action.BLOCKED_LOGIN}
    logins = [one.actor for one in site.changes() if one.action in is_login]
    assert logins == [name, "ann", name]
    renamed = [one.reason for one in site.changes() if one.action is Action.RENAME]
    assert renamed == [None]
    with site.app.app_context():
        assert require_account(db, name).real_name == ""


def test_it_takes_as_many_statements_however_much_there_is(
    database_url: str, make_app: MakeApp
) -> None:
    """Deleting and exporting is set-based."""
    site = Site(make_app(database_url, SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=None))
    site.add_admin()
    counts = []
    for name, logins in (("ann", 1), ("bob", 5)):
        site.add_user(name, [f"Group {number}" for number in range(logins)])
        for _ in range(logins):
            site.logged_in(name)
        with noted_statements(site) as statements, site.app.app_context():
            held_of(db, require_account(db, name))
            exported = len(statements)
        with noted_statements(site) as statements:
            delete(site, name, pseudonym=True)
        counts.append((exported, len(statements)))
    assert counts[0] == counts[1]


def test_all_that_is_held_is_exported_but_for_the_hash(site: Site) -> None:
    """Each table that names the person is in it, as JSON, and so is what they did to others."""
    fill(site)
    with site.app.app_context():
        alice = require_account(db, "alice")
        db.session.execute(sa.update(Delivery).values(at=now()))
        held = json.loads(json.dumps(held_of(db, alice)))
        assert held["account"]["email"] == ODD
        assert held["account"]["state"] == "active"
        assert [one["name"] for one in held["rights"] if one["right"] == "view"] == ["exam", "odd"]
        empty = {name for name, found in held.items() if not found}
        assert empty <= {"failed_logins", "looks_at", "looked_at", "lists_sent", "handed_in"} | {
            "can_be_undone",
            "passkeys",
            "passkeys_asked_for",
        }
        assert len(held["sessions"]) == len(site.sessions("alice"))
        hashed = db.session.scalars(sa.select(User.password_hash).where(User.id == alice.id)).one()
        assert hashed is not None
        assert hashed not in json.dumps(held)
        first = require_account(db, db.session.scalars(sa.select(User.name)).first() or "")
        assert held_of(db, first)["lists_sent"][0]["file_name"] == "list.csv"
        keyholder = held_of(db, require_account(db, "without a password"))
        assert keyholder["passkeys"][0]["name"] == ODD
        assert keyholder["passkeys_asked_for"][0]["bound_to"] == ODD
