"""People are found by any part of what they are called, wherever somebody looks for them."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.commandline import CommandLine
from tests.site import PASSWORD, Site
from timApp.auth.site import db
from timApp.user.people import Identity, remember
from timApp.user.rename import rename_user
from timApp.user.search import search_people
from timApp.user.user import User, create_user

PEOPLE = [
    ("ann", "Ann Lee", "ann.lee@example.org"),
    ("annika", "Annika Ääkkönen", "a@example.org"),
    ("bob", "Bob Hannover", "BOB_1@example.org"),
    ("Иван", "Ivan Dvořák", ""),
    ("zoe", "100% Zoë", ""),
]


@pytest.fixture
def people(site: Site) -> Site:
    """A site with these people, each of whom has logged in once, and with those who look."""
    with site.app.app_context():
        for name, real_name, email in PEOPLE:
            create_user(db, name, PASSWORD, real_name=real_name, email=email)
        db.session.commit()
    for name, _, _ in PEOPLE:
        site.logged_in(name)
    site.add_admin()
    site.add_supervisor()
    return site


@pytest.fixture
def timapp(people: Site, tmp_path: Path) -> CommandLine:
    """The command line on the site's database."""
    return CommandLine(people.app.config["DATABASE_URL"], tmp_path)


#: What is typed, and who is found, in order.
SEARCHES = [
    ("ann", ["ann", "annika", "bob"]),
    ("ANN", ["ann", "annika", "bob"]),
    ("annik", ["annika"]),
    ("aakko", ["annika"]),
    ("ÄÄKKÖ", ["annika"]),
    (" dvorak ", ["Иван"]),
    ("ИВА", ["Иван"]),
    ("\uff22\uff4f\uff42", ["bob"]),
    ("bob_1@", ["bob"]),
    ("bob%", []),
    ("%", ["zoe"]),
    ("_", ["bob"]),
    ("lee\nann", []),
    ("\\", []),
    ("nobody", []),
    ("", []),
    ("a\0", []),
    ("\ud800", []),
]


@pytest.mark.parametrize(("text", "names"), SEARCHES)
def test_any_part_of_name_real_name_and_email_is_found(
    people: Site, text: str, names: list[str]
) -> None:
    """Capitals, accents, width and blanks around do not count, and the exact name comes first."""
    with people.app.app_context():
        found = search_people(db, text)
        assert [one.name for one in found if one.name not in {"admin", "supervisor"}] == names
        assert search_people(db, text, 1) == found[:1]


def test_the_exact_name_comes_first_wherever_it_is_in_the_order(people: Site) -> None:
    """In any spelling of it."""
    with people.app.app_context():
        create_user(db, "Aaron", None, email="bob@example.org")
        assert [one.name for one in search_people(db, "BOB")] == ["bob", "Aaron"]


def test_what_somebody_is_called_by_now_is_what_is_found(people: Site) -> None:
    """After another program has said something else of them, and after a new name."""
    with people.app.app_context():
        remember(db, Identity("ann", "Ann Smith", "new@example.org"))
        rename_user(db, "bob", "robert")
        db.session.commit()
        for text, names in (
            ("smith", ["ann"]),
            ("lee", []),
            ("new@", ["ann"]),
            ("robert", ["robert"]),
            ("hannover", ["robert"]),
        ):
            assert [one.name for one in search_people(db, text)] == names


def test_whoever_an_older_program_has_added_is_found_in_capitals_of_ascii(people: Site) -> None:
    """What is made of what they are called is missing."""
    with people.app.app_context():
        nothing = {"name_key": sa.null(), "search_text": sa.null()}
        db.session.add(User(name="New One", password_hash="-", **nothing))
        assert [one.name for one in search_people(db, "new o")] == ["New One"]


# Where people are looked for


def test_the_list_of_sessions_has_those_of_whoever_is_found(people: Site) -> None:
    """The one who is called so, or else all who have it in them; so has what is exported of it."""
    admin = people.logged_in("admin")
    for text, names in (
        ("ANN ", {"ann"}),
        ("anni", {"annika"}),
        ("ääkk", {"annika"}),
        ("example.org", {"ann", "annika", "bob"}),
    ):
        for sort in ("newest", "oldest", "name", "name-desc"):
            query = {"user": text, "sort": sort}
            page = admin.get_page("/administer/sessions", query_string=query)
            assert page.status_code == 200
            for name, real_name, _ in PEOPLE:
                assert (f"<bdi>{real_name}</bdi>" in page.text) is (name in names), (text, name)
        exported = admin.get(
            "/administer/sessions/export", query_string={"user": text, "format": "json"}
        )
        assert {row["user"] for row in exported.json or []} == names
    assert admin.get_page("/administer/sessions?user=nobody").status_code == 404


def test_a_supervisor_finds_people_by_a_part_of_what_they_are_called(people: Site) -> None:
    """One who is found is shown, several are to choose from, and an exact name wins."""
    supervisor = people.logged_in("supervisor")
    for text, name in (("Ann", "ann"), ("ääkk", "annika"), ("BOB_1", "bob"), ("zoe", "zoe")):
        found = supervisor.get_page("/supervise/find", query_string={"q": text})
        assert found.location == f"/supervise/person?user={name}"
    several = supervisor.get_page("/supervise/find", query_string={"q": "example.org"})
    assert several.status_code == 200
    for name, real_name, _ in PEOPLE[:3]:
        assert f'href="/supervise/person?user={name}"' in several.text
        assert real_name in several.text
    assert "user=zoe" not in several.text
    assert "There are more people" not in several.text
    none = supervisor.get_page("/supervise/find", query_string={"q": "example.com"})
    assert none.status_code == 404


def test_a_supervisor_is_told_that_there_are_more_than_are_shown(people: Site) -> None:
    """The first fifty are there, in the order of their names."""
    with people.app.app_context():
        for number in range(51):
            create_user(db, f"many{number:02}", None)
        db.session.commit()
    page = people.logged_in("supervisor").get_page("/supervise/find?q=many")
    assert page.text.count("user=many") == 50
    assert "user=many50" not in page.text
    assert "There are more people" in page.text


def test_the_command_line_lists_people_and_sessions_by_a_part(
    people: Site, timapp: CommandLine
) -> None:
    """The exact name comes first among people, and is the only one whose sessions are listed."""
    lines = timapp.done("user", "list", "ANN").splitlines()
    assert [line.split("\t")[0] for line in lines] == ["ann", "annika", "bob"]
    assert timapp.done("user", "list", "nobody") == ""
    for text, names in (("Ann", ["ann"]), ("example.org", ["ann", "annika", "bob"])):
        lines = timapp.done("session", "list", "--find", text).splitlines()
        assert [line.split("\t")[0] for line in lines] == names
    assert "no user named 'nobody'" in timapp.refused("session", "list", "--find", "nobody")
    assert "'anni'" in timapp.refused("session", "list", "--user", "anni")
    both = ("session", "list", "--find", "ann", "--user", "ann")
    assert "give one of them" in timapp.refused(*both, code=2)
    assert people.active("ann")


def test_the_command_line_knows_people_in_any_spelling(people: Site, timapp: CommandLine) -> None:
    """What it has done is said with the name as it was given."""
    people.add_document("exam")
    assert timapp.done("session", "verify", " ANN") == "Verified the latest session of ann.\n"
    assert timapp.done("session", "invalidate", "иван").endswith(" of Иван.\n")
    assert timapp.done("grant", "view", "exam", "Bob") == "bob may now view exam.\n"
    said = timapp.done("user", "passwd", "ZOE", "--password-stdin", stdin=f"{PASSWORD} 2\n")
    assert said == "Set the password of zoe; 1 session ended.\n"
    assert "same as 'ann'" in timapp.refused(
        "user", "add", "Ann", "--password-stdin", stdin=f"{PASSWORD}\n"
    )


def test_pages_and_routes_know_people_in_any_spelling(people: Site) -> None:
    """Whoever is typed into an address or a form is who has that name."""
    admin = people.logged_in("admin")
    for path in ("/administer/person", "/supervise/person"):
        assert "Ann Lee" in admin.get_page(path, query_string={"user": " ANN "}).text
    (session_id,) = people.active("ann")
    for action, active in (("invalidate", set()), ("verify", {session_id})):
        assert admin.post(f"/user/sessions/%20Ann/{action}").json == {"status": "ok"}
        assert people.active("ann") == active
    rows = admin.get("/user/sessions/all", query_string={"user": "ANN", "format": "json"}).json
    assert [row["user"] for row in rows or []] == ["ann"]
    for action, active in (("invalidate", set()), ("verify", {session_id})):
        form = {"user": "ANN ", "session_id": session_id}
        assert admin.decide(f"/supervise/{action}", data=form).status_code == 200
        assert people.active("ann") == active
    assert {change.action.value for change in people.changes()} >= {"verify", "invalidate"}
