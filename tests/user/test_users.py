"""Accounts, groups, and how they belong together."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from tests.site import PASSWORD, Site
from timApp.auth.site import db
from timApp.guard.tables.session import UserSession
from timApp.user.password import hash_is_outdated, hash_password, password_matches
from timApp.user.user import User, create_user, require_user
from timApp.user.usergroup import (
    ADMIN_GROUP,
    SUPERVISOR_GROUP,
    UserGroup,
    require_group,
    require_real_group,
)
from timApp.util.errors import BadInput, Conflict, NotFound

MORNING = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def count_people(site: Site) -> tuple[int, int]:
    """Return how many users and how many groups are stored."""
    with site.app.app_context():
        users = db.session.scalars(sa.select(sa.func.count()).select_from(User)).one()
        groups = db.session.scalars(sa.select(sa.func.count()).select_from(UserGroup)).one()
        return users, groups


def test_create_user_stores_all_it_is_told(site: Site) -> None:
    """Name, real name, email, time and a hash of the password are stored, and no password."""
    with time_machine.travel(MORNING, tick=False), site.app.app_context():
        create_user(db, "alice", PASSWORD, real_name="Alice Ü. 😀", email="alice@example.org")
        db.session.commit()
    with site.app.app_context():
        alice = User.get_by_name(db, "alice")
        assert alice is require_user(db, "alice")
        assert alice is not None
        assert (alice.real_name, alice.email) == ("Alice Ü. 😀", "alice@example.org")
        assert alice.created_at == MORNING
        assert alice.password_hash is not None
        assert PASSWORD not in alice.password_hash
        assert alice.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert password_matches(alice.password_hash, PASSWORD)


def test_create_user_makes_a_personal_group_of_the_same_name(site: Site) -> None:
    """Rights are given to groups, so each person is a group of their own."""
    with site.app.app_context():
        alice = create_user(db, "alice", PASSWORD)
        group = require_group(db, "alice")
        assert group.personal_user_id == alice.id
        assert alice.groups == [group]
        assert group.members == [alice]  # type: ignore[attr-defined]


def test_create_user_adds_memberships_and_makes_missing_groups(site: Site) -> None:
    """Groups that are there are used, others are made, and one named twice counts once."""
    with site.app.app_context():
        there = require_real_group(db, "Course")
        alice = create_user(db, "alice", PASSWORD, groups=["Course", "New", "Course"])
        db.session.commit()
        assert {group.name for group in alice.groups} == {"alice", "Course", "New"}
        assert there in alice.groups
        assert require_group(db, "New").personal_user_id is None
    assert count_people(site) == (1, 3)


def test_names_of_users_and_groups_are_taken_once(site: Site) -> None:
    """A name that a user or a group has is a `Conflict`, and nothing is added."""
    with site.app.app_context():
        create_user(db, "alice", PASSWORD, groups=["Course"])
        db.session.commit()
    for name in ("alice", "Course"):
        with site.app.app_context():
            with pytest.raises(Conflict, match=name) as caught:
                create_user(db, name, PASSWORD)
            assert caught.value.field == "name"
            db.session.commit()
    assert count_people(site) == (1, 2)


def test_a_name_that_somebody_else_takes_at_the_same_moment_is_a_conflict(site: Site) -> None:
    """A user who is there without a group, as between two steps, is a `Conflict` as well."""
    with site.app.app_context():
        db.session.add(User(name="alice", password_hash="-"))
        db.session.commit()
        with pytest.raises(Conflict):
            create_user(db, "alice", PASSWORD)


def test_a_user_is_found_by_whatever_is_their_name(site: Site) -> None:
    """Capitals, width and blanks do not count, for people and their personal groups."""
    with site.app.app_context():
        alice = create_user(db, "Älice B", PASSWORD)
        group = require_group(db, "Älice B")
        db.session.commit()
        for name in ("Älice B", "älice b", "ÄLICE  B ", "\u3000A\u0308lice b", "äl\uff49ce b"):
            assert User.get_by_name(db, name) is alice
            assert require_user(db, name) is alice
            assert require_group(db, name) is group
        for name in ("Alice B", "älic", "älice", "", "älice b\0", "\ud800", "%"):
            assert User.get_by_name(db, name) is None
            with pytest.raises(NotFound) as caught:
                require_user(db, name)
            assert caught.value.field == "user"
            with pytest.raises(NotFound):
                require_group(db, name)


UNFIT: list[tuple[str, dict[str, object]]] = [
    ("name", {"name": ""}),
    ("name", {"name": "x" * 256}),
    ("name", {"name": "a\0b"}),
    ("name", {"name": "a\nb"}),
    ("name", {"name": "a\x7fb"}),
    ("name", {"name": "a\x85b"}),
    ("name", {"name": "\ud800"}),
    ("name", {"name": " alice"}),
    ("name", {"name": "alice\u00a0"}),
    ("name", {"name": " "}),
    ("name", {"name": "a\u2028b"}),
    ("name", {"name": "a\u2029b"}),
    ("password", {"password": ""}),
    ("password", {"password": "x" * 1025}),
    ("password", {"password": "half \ud800"}),
    ("real_name", {"real_name": "x" * 256}),
    ("real_name", {"real_name": "a\rb"}),
    ("email", {"email": "a\tb"}),
    ("email", {"email": "x" * 256}),
    ("group", {"groups": [""]}),
    ("group", {"groups": ["Course", "a\0b"]}),
    ("group", {"groups": ["x" * 256]}),
]


def test_create_user_refuses_what_does_not_fit_and_names_the_field(
    site: Site, subtests: pytest.Subtests
) -> None:
    """Empty, overlong, unprintable and unstorable values are `BadInput`, and nothing is added."""
    for field, values in UNFIT:
        arguments = {"name": "alice", "password": PASSWORD, **values}
        with subtests.test(values=ascii(values)[:40]), site.app.app_context():
            with pytest.raises(BadInput) as caught:
                create_user(db, **arguments)  # type: ignore[arg-type]
            assert caught.value.field == field
            assert caught.value.status == 422
            db.session.commit()
    assert count_people(site) == (0, 0)


def test_create_user_takes_the_longest_and_the_strangest_that_fits(site: Site) -> None:
    """255 characters of any script, and inner blanks, are a name; 1024 make a password."""
    names = ["x" * 255, 'Ääkkönen o\'Hara "Q"', "=1+1", "данные", "a/b#c", "́combining"]
    with site.app.app_context():
        password = (f"{PASSWORD} and " * 64)[:1024]
        for name in names:
            create_user(db, name, password, real_name="r" * 255, email="e" * 255)
        db.session.commit()
        for name in names:
            assert require_user(db, name).name == name


def test_a_user_is_no_group_to_be_a_member_of(site: Site) -> None:
    """Being a member of somebody's personal group would be having their rights: a `Conflict`."""
    with site.app.app_context():
        create_user(db, "alice", PASSWORD)
        with pytest.raises(Conflict, match="alice") as caught:
            create_user(db, "bob", PASSWORD, groups=["alice"])
        assert caught.value.field == "group"
        db.session.rollback()
    assert count_people(site) == (0, 0)


def test_a_user_cannot_be_their_own_groups_namesake(site: Site) -> None:
    """A user who is to be a member of a group of their own name is refused as well."""
    with site.app.app_context(), pytest.raises(Conflict):
        create_user(db, "alice", PASSWORD, groups=["alice"])


def test_administrators_and_supervisors_are_members_of_their_groups(site: Site) -> None:
    """Membership makes them what they are, and ends with it; a like name does not."""
    with site.app.app_context():
        admin = create_user(db, "admin", PASSWORD, groups=[ADMIN_GROUP])
        supervisor = create_user(db, "supervisor", PASSWORD, groups=[SUPERVISOR_GROUP])
        other = create_user(
            db, "other", PASSWORD, groups=["administrators", "Session supervisors 2"]
        )
        people = [admin, supervisor, other]
        assert [user.is_admin for user in people] == [True, False, False]
        assert [user.is_supervisor for user in people] == [False, True, False]
        admin.groups.remove(require_group(db, ADMIN_GROUP))
        db.session.commit()
        assert require_user(db, "admin").is_admin is False
    assert (ADMIN_GROUP, SUPERVISOR_GROUP) == ("Administrators", "Session supervisors")


def test_nobody_can_take_the_name_of_the_administrators_group(site: Site) -> None:
    """A user named like a group of rights, that does not exist yet, gets none of its rights."""
    with site.app.app_context():
        impostor = create_user(db, ADMIN_GROUP, PASSWORD)
        assert impostor.is_admin is False


def test_hashes_are_salted_and_match_their_password_only() -> None:
    """Two hashes of one password differ; no hash and a malformed one match nothing."""
    one, two = hash_password("Tr0ub4dor"), hash_password("Tr0ub4dor")
    assert one != two
    assert password_matches(one, "Tr0ub4dor")
    assert not password_matches(one, "tr0ub4dor")
    assert not password_matches(None, "nobody's password")
    assert not password_matches("-", "-")
    assert not password_matches("", "")
    assert not password_matches("", "nobody's password")
    assert not hash_is_outdated(one)


def test_sessions_are_the_users_by_time_and_active_sessions_those_not_expired(site: Site) -> None:
    """`sessions` are all of one's own in order of login, `active_sessions` the active ones."""
    with site.app.app_context():
        alice, bob = (User(name=name, password_hash="-") for name in ("alice", "bob"))
        db.session.add_all([alice, bob])
        for n, (user, session_id, expired) in enumerate(
            [(alice, "c", 0), (alice, "a", 1), (bob, "b", 0), (alice, "b", 0)]
        ):
            at = MORNING + timedelta(hours=n)
            session = UserSession(user=user, session_id=session_id, logged_in_at=at)
            session.expired_at = at if expired else None
            db.session.add(session)
        db.session.commit()
        assert [session.session_id for session in alice.sessions] == ["c", "a", "b"]
        assert [session.session_id for session in alice.active_sessions] == ["c", "b"]
        assert [session.session_id for session in bob.sessions] == ["b"]
        alice.active_sessions[0].expire()
        db.session.commit()
        assert [session.session_id for session in alice.active_sessions] == ["b"]


def test_sessions_at_the_same_moment_are_ordered_by_id(site: Site) -> None:
    """Order never depends on chance: the id decides between logins at the same moment."""
    with site.app.app_context():
        alice = User(name="alice", password_hash="-")
        for session_id in ("b", "B", "a"):
            alice.sessions.append(UserSession(session_id=session_id, logged_in_at=MORNING))
        db.session.add(alice)
        db.session.commit()
        assert [session.session_id for session in alice.sessions] == ["B", "a", "b"]
