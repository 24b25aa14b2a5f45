"""Which names people are given, beside those that others have."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from tests.site import PASSWORD, Site
from tests.statements import noted_statements_of
from tests.together import together
from timApp.auth.site import db
from timApp.database.work import Work
from timApp.guard import Cookies, Guard, Identity
from timApp.user.password import hash_password, password_matches
from timApp.user.people import find_person, remember, require_person
from timApp.user.rename import rename_user
from timApp.user.user import User, create_user, require_user
from timApp.user.usergroup import require_group, require_real_group
from timApp.util.errors import BadInput, Conflict, NotFound, TimError
from timApp.util.text import quoted

CYRILLIC_ANN = "\u0430nn"


@pytest.fixture
def work(engine: sa.Engine) -> Iterator[Work]:
    """A unit of work on an empty database of each kind."""
    with Work(engine) as work:
        yield work


def names(work: Work) -> list[str]:
    """Return the names of all people, in order."""
    return sorted(work.session.scalars(sa.select(User.name)))


@pytest.mark.parametrize("name", ["Ann", "\uff41nn", "ANN"])
def test_a_name_that_is_somebodys_is_taken(work: Work, name: str) -> None:
    """The answer says whose name it is the same as."""
    create_user(work, "ann", None)
    work.commit()
    with pytest.raises(Conflict) as caught:
        create_user(work, name, None)
    assert caught.value.field == "name"
    assert f"{quoted(name)} is the same as 'ann'" in caught.value.message
    assert names(work) == ["ann"]


@pytest.mark.parametrize(
    ("there", "name", "char"),
    [
        ("ann", CYRILLIC_ANN, "U+0430 CYRILLIC SMALL LETTER A"),
        (CYRILLIC_ANN, "ann", "U+0430 CYRILLIC SMALL LETTER A"),
        ("Ivan", "\u0406van", "U+0406 CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I"),
        ("\u0430nn\u0430", "\u0430nna", "U+0430 CYRILLIC SMALL LETTER A"),
    ],
)
def test_a_name_that_looks_the_same_as_somebodys_is_refused(
    work: Work, there: str, name: str, char: str
) -> None:
    """The answer says as whose, and which character it is that differs."""
    create_user(work, there, None)
    work.commit()
    for add in (lambda: create_user(work, name, None), lambda: remember(work, Identity(name))):
        with pytest.raises(Conflict) as caught:
            add()
        assert caught.value.field == "name"
        assert f"{quoted(name)} looks the same as {quoted(there)}" in caught.value.message
        assert char in caught.value.message
        work.session.rollback()
    assert names(work) == [there]


@pytest.mark.parametrize("name", ["ann\u200b", "a\u00adnn", "\u202eann"])
def test_a_name_with_characters_that_are_not_seen_is_refused(work: Work, name: str) -> None:
    """Whoever vouches for it, and it finds nobody."""
    create_user(work, "ann", None)
    work.commit()
    for add in (lambda: create_user(work, name, None), lambda: remember(work, Identity(name))):
        with pytest.raises(BadInput, match="not seen: U\\+"):
            add()
        work.session.rollback()
    assert find_person(work, name) is None
    assert names(work) == ["ann"]


def test_names_of_any_script_stand_beside_each_other(work: Work) -> None:
    """What can be told apart, and what is alike in ASCII only, is fine."""
    fine = ["ann", "änn", "Анна", "Νίκος", "Ivan", "Иван", "student1", "studentl", "Päivi", "Pälvi"]
    for name in fine:
        create_user(work, name, None)
    assert names(work) == sorted(fine)
    for name in fine:
        assert require_person(work, name.upper()).name == name


def test_of_names_that_look_the_same_at_the_same_moment_one_is_taken(engine: sa.Engine) -> None:
    """And of several that are one as well, whoever they are."""

    def add(name: str) -> str | None:
        with Work(engine) as work:
            try:
                create_user(work, name, None)
            except Conflict:
                return None
            work.commit()
            return name

    for ways in (("ann", CYRILLIC_ANN), ("Bob", "bob", "BOB"), ("\u0441op", "cop", "co\u0440")):
        for number in range(4):
            tried = [f"{way}{number}" for way in ways]
            done = together([lambda name=name: add(name) for name in tried])  # type: ignore[misc]
            assert sum(one is not None for one in done) == 1


def test_whoever_another_program_vouches_for_is_known_in_any_spelling(engine: sa.Engine) -> None:
    """There is one person, who is called as they were first."""
    guard = Guard(engine, Cookies(["key"]))
    ann = guard.begin(Identity("Ann Lee"), "Firefox").person
    for name in ("ann lee", " ANN  LEE ", "\uff21nn Lee"):
        assert guard.begin(Identity(name), "Firefox").person == ann
        assert guard.person(name) == ann
    assert ann.name == "Ann Lee"


def test_nobody_is_a_member_of_a_person_in_another_spelling(work: Work) -> None:
    """A group that is called like a person, but for the capitals, is not made."""
    create_user(work, "ann", None)
    work.commit()
    with pytest.raises(Conflict, match="is a user, not a group"):
        require_real_group(work, "Ann")
    work.session.rollback()
    assert require_group(work, "ANN ").name == "ann"


def test_names_of_groups_are_compared_to_the_letter(work: Work) -> None:
    """They are the site's own, and known to its administrators only."""
    one, other = require_real_group(work, "Course"), require_real_group(work, "course")
    assert one is not other
    with pytest.raises(NotFound):
        require_group(work, "COURSE")


def test_an_exact_name_is_one_look_up_by_an_index(work: Work) -> None:
    """Another spelling is a second one; nothing is read through."""
    create_user(work, "ann", None)
    work.commit()
    for name, number in (("ann", 1), ("Ann", 2), ("nobody", 2)):
        with noted_statements_of(work.engine) as statements:
            User.get_by_name(work, name)
        assert len(statements) == number
        assert all("LIKE" not in one and "lower" not in one for one in statements)


def test_somebody_whom_an_older_program_has_added_is_found_to_the_letter(work: Work) -> None:
    """What is made of names is missing then, and the name is theirs all the same."""
    work.session.add(User(name="Ann", name_key=sa.null(), password_hash="-"))
    work.commit()
    assert require_person(work, "Ann").name == require_user(work, "Ann").name == "Ann"
    assert find_person(work, "ann") is None
    with pytest.raises(Conflict):
        create_user(work, "Ann", None)


# Names of before


@pytest.mark.parametrize("name", ["ann\u200b", "Ann \U0001f600", "\u202eann", "ª"])
def test_whoever_has_a_name_that_is_refused_by_now_logs_in_as_before(site: Site, name: str) -> None:
    """And is found by it in other capitals, too."""
    site.add_older_user(name)
    for way in (name, name.upper(), f" {name} "):
        answer = site.browser().log_in(way)
        assert (answer.status_code, (answer.json or {})["username"]) == (200, name)


# Another name


def test_a_person_is_renamed_with_their_group(site: Site) -> None:
    """Their sessions, rights and password stay, and the old name is nobody's."""
    site.add_exam_hall()
    browser = site.logged_in("alice")
    with site.app.app_context():
        assert rename_user(db, "Alice", "Álice Jones") == "alice"
        db.session.commit()
    assert browser.get("/view/exam").status_code == 200
    assert site.browser().log_in("alice").status_code == 403
    assert site.active("Álice Jones") == {browser.session_id}
    with site.app.app_context():
        assert require_group(db, "Álice Jones").personal_user_id == site.user_id("Álice Jones")
    assert site.browser().log_in("ÁLICE JONES").status_code == 200


def test_a_person_may_be_called_the_same_in_another_spelling(work: Work) -> None:
    """A name is in nobody's way that is their own."""
    create_user(work, "ann", None)
    assert rename_user(work, "ann", "Ann") == "ann"
    assert require_person(work, "ann").name == "Ann"
    assert require_group(work, "Ann").personal_user_id == require_person(work, "ann").id


@pytest.mark.parametrize(
    ("old", "new", "error", "field"),
    [
        ("nobody", "carol", NotFound, "old"),
        ("ann", "Bob", Conflict, "name"),
        ("ann", "b\u043eb", Conflict, "name"),
        ("ann", "Course", Conflict, "name"),
        ("ann", "ann\u200b", BadInput, "name"),
        ("ann", " carol", BadInput, "name"),
        ("ann", "", BadInput, "name"),
    ],
)
def test_nobody_is_renamed_to_what_a_new_person_could_not_be_called(
    work: Work, old: str, new: str, error: type[TimError], field: str
) -> None:
    """Nor is somebody who is not there; all names stay."""
    for name in ("ann", "bob"):
        create_user(work, name, None, groups=["Course"])
    work.commit()
    with pytest.raises(error) as caught:
        rename_user(work, old, new)
    assert caught.value.field == field
    work.session.rollback()
    assert names(work) == ["ann", "bob"]


# Passwords


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pässword", "pa\u0308ssword"),
        ("two\u00a0words", "two words"),
        ("two\u3000words", "two words"),
        ("\u212bngström", "Ångström"),
    ],
)
def test_passwords_are_compared_as_opaque_strings(one: str, other: str) -> None:
    """Whatever different keyboards make of the same password."""
    for hashed in (hash_password(one), hash_password(other)):
        assert password_matches(hashed, one)
        assert password_matches(hashed, other)
        assert not password_matches(hashed, other.upper())


@pytest.mark.parametrize(
    "password", ["pa\u0308ssword", "two\u00a0words", "tab\tand\nline", PASSWORD]
)
def test_a_hash_of_a_password_as_it_was_typed_goes_on_to_count(password: str) -> None:
    """So hashes were made before, also of passwords that nobody may choose any more."""
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    assert password_matches(hashed, password)
    assert not password_matches(hashed, f"{password}.")


@pytest.mark.parametrize("password", ["tab\t", "line\n", "a\u200bb", "a\u0378"])
def test_a_new_password_that_cannot_be_an_opaque_string_is_refused(
    work: Work, password: str
) -> None:
    """The answer says why, and does not repeat it."""
    with pytest.raises(BadInput, match="not everybody can type or see") as caught:
        create_user(work, "ann", password)
    assert caught.value.field == "password"
    assert password not in caught.value.message
