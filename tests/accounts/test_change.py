"""Accounts are made and changed as somebody wants, on record, and never without a word."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.site import Site
from tests.together import PATIENCE
from timApp.accounts.account import (
    AccountState,
    Stale,
    account_page,
    require_account,
)
from timApp.accounts.change import (
    Wanted,
    add_person,
    change_access,
    change_person,
    regroup_person,
)
from timApp.accounts.delete import delete_person
from timApp.auth.site import current_guard, db
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.changes.undo import can_be_undone
from timApp.guard.vocabulary import Action, Actor, ActorKind
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP
from timApp.util.errors import BadInput, Conflict, NotFound, TimError

BOSS = Actor(ActorKind.USER, "admin")
SHELL = Actor(ActorKind.COMMAND_LINE, "root")


def recorded(site: Site, *actions: Action) -> list[tuple[Action, str, str | None]]:
    """Return who has done any of this to alice, and what is said of it."""
    user_id = site.user_id("alice")
    return [
        (one.action, one.actor, one.reason)
        for one in site.changes()
        if one.user_id == user_id and one.action in actions
    ]


def test_what_is_made_and_changed_is_recorded_without_what_it_says(site: Site) -> None:
    """Who, when and which parts; names of groups, and a former name, and nothing private."""
    site.add_admin()
    with site.app.app_context():
        wanted = Wanted("ann", "Ann", "ann@example.org", ["Students"])
        made = add_person(db, wanted, "purple llama sings", BOSS)
        assert (made.name, made.groups, made.state) == ("ann", ("Students",), AccountState.ACTIVE)
        regroup_person(db, "ann", [SUPERVISOR_GROUP], [], SHELL)
        wanted = Wanted("alice", "Alice", "", [SUPERVISOR_GROUP])
        mark = require_account(db, "ann").mark
        assert change_person(db, made.id, wanted, BOSS, mark)
        assert not change_person(db, made.id, wanted, BOSS)
        db.session.commit()
        now = require_account(db, "ALICE")
        assert (now.id, now.name, now.real_name, now.email) == (made.id, "alice", "Alice", "")
        assert account_page(db, "ann").accounts == []
    kinds = (Action.ADD_PERSON, Action.CHANGE_PERSON, Action.RENAME)
    assert recorded(site, *kinds) == [
        (Action.ADD_PERSON, "admin", None),
        (Action.CHANGE_PERSON, "root", f"groups: +{SUPERVISOR_GROUP}"),
        (Action.RENAME, "admin", "ann"),
        (Action.CHANGE_PERSON, "admin", "real_name, email, groups: -Students"),
    ]


def test_a_decision_can_be_undone_although_the_account_was_changed_since(hall: Site) -> None:
    """To change what somebody is called is nothing that happens to their sessions."""
    hall.logged_in("alice")
    with hall.app.app_context():
        alice = require_account(db, "alice")
        scope = OnePerson("alice", alice.id)
        change = Change(Action.END, scope, BOSS, can_be_undone=True)
        number = current_guard().apply(change, db).number
        assert number is not None
        change_person(db, alice.id, Wanted("alice", "Other", "a@x.org"), BOSS)
        assert can_be_undone(db, alice.id, number)


WRONG: Sequence[tuple[Wanted, type[TimError], str]] = [
    (Wanted("bob"), Conflict, "name"),
    (Wanted("b\u043eb"), Conflict, "name"),
    (Wanted(""), BadInput, "name"),
    (Wanted("a\0b"), BadInput, "name"),
    (Wanted("alice", real_name="x\n"), BadInput, "real_name"),
    (Wanted("alice", email="x" * 256), BadInput, "email"),
    (Wanted("alice", groups=["None like that"]), NotFound, "group"),
    (Wanted("alice", groups=["bob"]), Conflict, "group"),
]


def test_what_cannot_be_is_refused_and_nothing_is_changed(site: Site) -> None:
    """Each with its kind of error and the field, as when somebody is added."""
    for name in ("alice", "bob"):
        site.add_user(name)
    for wanted, kind, field in WRONG:
        with site.app.app_context():
            before = require_account(db, "alice")
            with pytest.raises(kind) as caught:
                change_person(db, before.id, wanted, BOSS)
            assert caught.value.field == field, wanted
            db.session.rollback()
            assert require_account(db, "alice") == before
    assert recorded(site, *Action) == []


def test_what_somebody_else_has_changed_is_not_overwritten(site: Site) -> None:
    """Whoever has not seen the change is told so, whatever it was: `Stale`."""
    site.add_admin()
    site.add_user("alice", ["Students"])
    changes: list[Callable[[int], object]] = [
        lambda user_id: change_person(db, user_id, Wanted("alice", "Other"), BOSS),
        lambda _: regroup_person(db, "alice", ["Administrators"], [], BOSS),
        lambda user_id: change_access(current_guard(), db, user_id, Action.DISABLE, BOSS),
    ]
    for change in changes:
        with site.app.app_context():
            seen = require_account(db, "alice")
            change(seen.id)
            db.session.commit()
            with pytest.raises(Stale):
                change_person(db, seen.id, Wanted("alice", "Mine"), BOSS, seen.mark)
            with pytest.raises(Stale):
                delete_person(current_guard(), db, seen.id, BOSS, pseudonym=True, shown=seen.mark)
            db.session.rollback()
            assert require_account(db, "alice").real_name != "Mine"


def deprivations(user_id: int, name: str, actor: Actor) -> list[Callable[[], object]]:
    """Return what takes an administrator's rights from somebody."""
    guard = current_guard()
    return [
        lambda: change_access(guard, db, user_id, Action.DISABLE, actor),
        lambda: delete_person(guard, db, user_id, actor, pseudonym=False),
        lambda: regroup_person(db, name, [], [ADMIN_GROUP], actor),
        lambda: change_person(db, user_id, Wanted(name, name.title()), actor),
    ]


def test_nobody_deprives_themselves_or_the_last_administrator(site: Site) -> None:
    """Neither by closing, deleting or regrouping; whose account is closed does not count."""
    site.add_admin()
    site.add_admin("closed")
    with site.app.app_context():
        closed = require_account(db, "closed").id
        change_access(current_guard(), db, closed, Action.DISABLE, SHELL)
        db.session.commit()
        admin = require_account(db, "admin").id
        for actor in (BOSS, SHELL, Actor(ActorKind.USER, "closed")):
            for deprive in deprivations(admin, "admin", actor):
                with pytest.raises(Conflict) as caught:
                    deprive()
                assert caught.value.field == "user"
                db.session.rollback()
    site.add_admin("second")
    with site.app.app_context():
        for deprive in deprivations(admin, "admin", BOSS):
            with pytest.raises(Conflict, match="themselves"):
                deprive()
            db.session.rollback()
        for deprive in deprivations(admin, "admin", SHELL):
            deprive()
            db.session.rollback()


def test_two_administrators_who_deprive_each_other_at_once_do_not_both(site: Site) -> None:
    """The site keeps one of them."""
    names = ["one", "two"]
    for name in names:
        site.add_admin(name)

    def deprive(actor: str, other: str) -> bool:
        with site.app.app_context():
            try:
                regroup_person(db, other, [], [ADMIN_GROUP], Actor(ActorKind.USER, actor))
            except Conflict:
                return False
            db.session.commit()
            return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(deprive, names, reversed(names), timeout=PATIENCE))
    assert sorted(done) == [False, True]


def test_people_are_listed_page_by_page_by_any_part_and_state(site: Site) -> None:
    """In one order, each once, whatever is added meanwhile; deleted ones only if asked for."""
    names = ["ann", "Bob", "cecilia", "dora", "Esa"]
    for name in names:
        site.add_user(name, ["Students"] if name == "ann" else [])
    with site.app.app_context():
        guard = current_guard()
        for name, delete in (("dora", False), ("Esa", True)):
            user_id = require_account(db, name).id
            if delete:
                delete_person(guard, db, user_id, SHELL, pseudonym=False)
            else:
                change_access(guard, db, user_id, Action.DISABLE, SHELL)
        db.session.commit()
        found, after = [], ""
        while True:
            page = account_page(db, after=after, size=1)
            found += [one.name for one in page.accounts]
            if page.next_after is None:
                break
            after = page.next_after
        assert sorted(found) == sorted(names[:-1])
        for text, state, expected in (
            ("", AccountState.ACTIVE, {"ann", "Bob", "cecilia"}),
            ("", AccountState.DISABLED, {"dora"}),
            ("", AccountState.DELETED, {"Esa"}),
            ("ESA", AccountState.ALL, set()),
            ("\u00e9sa", AccountState.DELETED, {"Esa"}),
            ("BO", AccountState.ALL, {"Bob"}),
            ("%", AccountState.ALL, set()),
            ("\0", AccountState.ALL, set()),
        ):
            page = account_page(db, text, state)
            assert {one.name for one in page.accounts} == expected, (text, state)
        (ann,) = account_page(db, "ann").accounts
        assert ann.groups == ("Students",)
        assert ann.last_login_at is None
    site.logged_in("ann")
    with site.app.app_context():
        assert require_account(db, "ann").last_login_at is not None
