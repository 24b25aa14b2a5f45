"""People as they are remembered, whoever vouches for them."""

import pytest
import sqlalchemy as sa

from tests.site import PASSWORD, Site
from tests.statements import noted_statements_of
from timApp.database.work import Work
from timApp.user.people import Identity, Person, find_person, remember, require_person
from timApp.user.user import User, create_user, require_user
from timApp.user.usergroup import (
    ADMIN_GROUP,
    SUPERVISOR_GROUP,
    UserGroup,
    membership,
    require_group,
    require_real_group,
)
from timApp.util.errors import BadInput, Conflict, NotFound

ALICE = Identity("alice", "Alice Ü.", "alice@example.org", frozenset({"Course"}))


@pytest.fixture
def known(work: Work) -> Person:
    """Alice, who is remembered."""
    person = remember(work, ALICE)
    work.commit()
    return person


def all_groups(work: Work, name: str) -> set[str]:
    """Return the names of all groups of a person, the personal one too."""
    query = (
        sa.select(UserGroup.name)
        .join(membership, membership.c.usergroup_id == UserGroup.id)
        .join(User, User.id == membership.c.user_id)
        .where(User.name == name)
    )
    return set(work.session.scalars(query))


def test_somebody_new_is_made_as_was_said(work: Work) -> None:
    """With name, real name, email and groups, a personal group, and no password."""
    person = remember(work, ALICE)
    work.commit()
    assert (person.name, person.real_name, person.email) == (
        "alice",
        "Alice Ü.",
        "alice@example.org",
    )
    assert person.groups == {"Course"}
    assert person.password_hash is None
    assert find_person(work, "alice") == person
    assert require_person(work, "alice") == person
    assert all_groups(work, "alice") == {"alice", "Course"}
    assert require_group(work, "alice").personal_user_id == person.id


def test_of_somebody_new_as_little_as_a_name_may_be_said(work: Work) -> None:
    """Real name and email are empty then, and there are no groups but the personal one."""
    person = remember(work, Identity("alice"))
    assert (person.real_name, person.email, person.groups) == ("", "", frozenset())
    assert all_groups(work, "alice") == {"alice"}


def test_what_is_said_anew_replaces_what_was_known(work: Work, known: Person) -> None:
    """Each of real name, email and groups, and the personal group stays."""
    groups = frozenset({"Other", ADMIN_GROUP})
    person = remember(work, Identity("alice", "Alice V.", "a@example.org", groups))
    work.commit()
    assert person == Person(known.id, "alice", "Alice V.", "a@example.org", groups, None)
    assert find_person(work, "alice") == person
    assert person.is_admin
    assert not person.is_supervisor
    assert all_groups(work, "alice") == {"alice", "Other", ADMIN_GROUP}


@pytest.mark.parametrize(
    ("identity", "now"),
    [
        (Identity("alice", real_name="X"), ("X", "alice@example.org", frozenset({"Course"}))),
        (Identity("alice", email="X"), ("Alice Ü.", "X", frozenset({"Course"}))),
        (
            Identity("alice", groups=frozenset({"X"})),
            ("Alice Ü.", "alice@example.org", frozenset({"X"})),
        ),
        (Identity("alice", "", "", frozenset()), ("", "", frozenset())),
        (Identity("alice"), ("Alice Ü.", "alice@example.org", frozenset({"Course"}))),
    ],
)
def test_none_leaves_what_is_known_and_empty_empties_it(
    work: Work, known: Person, identity: Identity, now: tuple[str, str, frozenset[str]]
) -> None:
    """To say nothing of something is not to say that there is none of it."""
    person = remember(work, identity)
    assert Person(known.id, "alice", *now, None) == person
    assert all_groups(work, "alice") == {"alice", *now[2]}


@pytest.mark.parametrize(
    "identity", [ALICE, Identity("alice"), Identity("alice", email=ALICE.email)]
)
def test_nothing_is_written_if_there_is_nothing_new(
    work: Work, known: Person, identity: Identity
) -> None:
    """One read in no transaction is all, so a login costs no more than with a password."""
    with noted_statements_of(work.engine) as statements:
        assert remember(work, identity) == known
        assert not work.is_in_transaction()
    assert [one for one in statements if not one.startswith("SELECT")] == []


def test_a_password_that_somebody_has_here_stays(work: Work) -> None:
    """Whoever vouches for them later on does not take their own password away."""
    create_user(work, "alice", PASSWORD)
    work.commit()
    before = require_person(work, "alice").password_hash
    assert before is not None
    assert remember(work, ALICE).password_hash == before


def test_somebody_without_a_password_logs_in_with_none(site: Site) -> None:
    """Not with any password, not with an empty one, and the answer is that for a wrong one."""
    with Work(site.app.extensions["timapp"].guard.engine) as work:
        remember(work, ALICE)
        work.commit()
    for password in (PASSWORD, "None", "-", "nobody's password", "alice"):
        answer = site.browser().log_in("alice", password)
        assert answer.status_code == 403
        assert answer.json == {"error": "Wrong user name or password."}
    assert site.browser().log_in("alice", "").status_code in {403, 422}
    assert site.sessions("alice") == {}


@pytest.mark.parametrize("name", ["Course", ADMIN_GROUP, SUPERVISOR_GROUP])
def test_a_name_that_is_a_groups_is_nobodys(work: Work, name: str) -> None:
    """Whoever vouches for it: they would get the rights of the group. Nothing is added."""
    require_real_group(work, name)
    work.commit()
    with pytest.raises(Conflict, match=name) as caught:
        remember(work, Identity(name))
    assert caught.value.field == "name"
    work.session.rollback()
    assert find_person(work, name) is None


def test_nobody_becomes_a_member_of_another_person(work: Work, known: Person) -> None:
    """A group that is somebody's personal one is refused, for new and known people."""
    remember(work, Identity("bob"))
    work.commit()
    for name in ("bob", "carol"):
        with pytest.raises(Conflict, match="alice") as caught:
            remember(work, Identity(name, groups=frozenset({"Course", "alice"})))
        assert caught.value.field == "group"
        work.session.rollback()
    assert require_person(work, "bob").groups == frozenset()
    assert find_person(work, "carol") is None
    assert require_person(work, "alice") == known


def test_ones_own_name_is_no_group_to_be_a_member_of(work: Work, known: Person) -> None:
    """A provider that names the personal group among the others is told so."""
    with pytest.raises(Conflict):
        remember(work, Identity("alice", groups=frozenset({"alice"})))
    work.session.rollback()
    assert require_person(work, "alice") == known


@pytest.mark.parametrize(
    ("identity", "field"),
    [
        (Identity(""), "name"),
        (Identity("x" * 256), "name"),
        (Identity("a\0b"), "name"),
        (Identity("\ud800"), "name"),
        (Identity(" bob"), "name"),
        (Identity("bob", real_name="a\nb"), "real_name"),
        (Identity("bob", email="x" * 256), "email"),
        (Identity("bob", groups=frozenset({""})), "group"),
        (Identity("alice", real_name="x" * 256), "real_name"),
        (Identity("alice", email="a\0b"), "email"),
        (Identity("alice", groups=frozenset({"a\u2028b"})), "group"),
    ],
)
def test_what_cannot_be_remembered_is_refused_by_its_field(
    work: Work, known: Person, identity: Identity, field: str
) -> None:
    """Of new people and of known ones, who stay as they are."""
    with pytest.raises(BadInput) as caught:
        remember(work, identity)
    assert caught.value.field == field
    work.session.rollback()
    assert require_person(work, "alice") == known
    assert work.session.scalars(sa.select(User.name)).all() == ["alice"]


def test_people_are_found_by_whatever_is_their_name(work: Work, known: Person) -> None:
    """Names are compared as RFC 8265 says; an unknown one is None, or `NotFound` for the field."""
    for name in ("alice", "Alice", " alice\u00a0", "\uff41lice"):
        assert find_person(work, name) == known
        assert remember(work, Identity(name)) == known
        assert require_person(work, name, "who") == known
    for name in ("alicé", "", "a\0", "\ud800", "Course"):
        assert find_person(work, name) is None
        with pytest.raises(NotFound, match="There is no user named") as caught:
            require_person(work, name, "who")
        assert caught.value.field == "who"


def test_the_person_is_as_the_database_has_them_and_not_as_the_session_does(
    work: Work, known: Person
) -> None:
    """What another has changed since is not undone by what this one had read before."""
    assert len(require_user(work, "alice").groups) == 2
    work.commit()
    with Work(work.engine) as other:
        remember(other, Identity("alice", groups=frozenset({"Course", "Other"})))
        other.commit()
    person = remember(work, Identity("alice", real_name="X", groups=frozenset({"Other"})))
    work.commit()
    assert person.groups == {"Other"}
    assert all_groups(work, "alice") == {"alice", "Other"}
