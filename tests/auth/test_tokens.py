"""Programs ask with tokens: as far as these go, and no further."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.test import TestResponse

from tests.commandline import CommandLine
from tests.site import PASSWORD, Browser, Site
from timApp.auth.bearer import scope_of_view
from timApp.auth.site import db
from timApp.user.apitoken import ApiToken
from timApp.user.usergroup import ADMIN_GROUP
from timApp.util.clock import now

PAGE, CONFIRM = "/administer/tokens", "/confirm"
EXPORT = "/user/sessions/all"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands still."""
    with time_machine.travel(now(), tick=False) as clock:
        yield clock


@pytest.fixture
def people(site: Site) -> Site:
    """A site with a student, a supervisor and an administrator."""
    site.add_exam_hall()
    site.add_admin()
    return site


@pytest.fixture
def command_line(people: Site, tmp_path: Path) -> CommandLine:
    """The command line of the site."""
    return CommandLine(people.app.config["DATABASE_URL"], tmp_path)


def made(browser: Browser, scope: str = "read", name: str = "gradebook") -> str:
    """Return a token that somebody has made on their page."""
    assert browser.post(CONFIRM, json={"password": PASSWORD}).status_code == 200
    answer = browser.post(PAGE, data={"name": name, "scope": scope, "days": "30"})
    assert answer.status_code == 200, answer.text
    return answer.text.partition('readonly value="')[2].partition('"')[0]


def asked(site: Site, token: str, method: str, path: str, **more: Any) -> TestResponse:
    """Let a program ask that shows a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return site.app.test_client().open(path, method=method, headers=headers, **more)


def test_a_program_reads_with_a_token(people: Site) -> None:
    """Neither a login nor a CSRF token is needed, and no session begins by it."""
    admin = people.logged_in("admin")
    token = made(admin)
    found = asked(people, token, "GET", f"{EXPORT}?format=json")
    assert found.status_code == 200
    assert [one["user"] for one in found.json or ()] == ["admin"]
    assert len(people.sessions("admin")) == 1
    assert "Set-Cookie" not in found.headers


def test_the_site_keeps_no_token(people: Site) -> None:
    """It is shown once; the table and later pages have nothing that would do in its place."""
    admin = people.logged_in("admin")
    token = made(admin)
    start, prefix, secret = token.split("_", 2)
    assert len(secret) == 43
    assert token not in admin.get_page(PAGE).text
    assert token[: len("timapp_00000000")] in admin.get_page(PAGE).text
    with people.app.app_context():
        kept = db.session.execute(sa.select(ApiToken.__table__)).one()
    assert not any(secret in str(value) for value in kept)
    assert asked(people, kept.digest, "GET", EXPORT).status_code == 403
    assert asked(people, f"{start}_{prefix}_{kept.digest}", "GET", EXPORT).status_code == 401


@pytest.mark.parametrize(
    ("scope", "statuses"), [("read", (200, 403, 403)), ("verify", (200, 200, 403))]
)
def test_a_token_goes_as_far_as_its_scope(
    people: Site, scope: str, statuses: tuple[int, ...]
) -> None:
    """Reading, one person's sessions, everybody's; what is refused changes nothing."""
    token = made(people.logged_in("admin"), scope)
    people.logged_in("alice")
    answers = (
        asked(people, token, "GET", EXPORT),
        asked(people, token, "POST", "/user/sessions/alice/invalidate"),
        asked(people, token, "POST", "/user/sessions/invalidateAll"),
    )
    assert tuple(one.status_code for one in answers) == statuses
    assert bool(people.active("alice")) == (scope == "read")


def test_the_widest_scope_is_for_all(people: Site) -> None:
    """And it is recorded that a program did it, and whose."""
    token = made(people.logged_in("admin"), "admin")
    people.logged_in("alice")
    assert asked(people, token, "POST", "/user/sessions/invalidateAll").status_code == 200
    assert not people.active("alice")
    last = people.changes()[-1]
    assert (last.actor_kind.value, last.actor) == ("program", "admin")


def test_a_program_may_no_more_than_its_person(people: Site, command_line: CommandLine) -> None:
    """Whoever is taken out of the administrators has a token that is good for nothing."""
    token = made(people.logged_in("admin"), "admin")
    people.add_admin("other")
    assert asked(people, token, "GET", EXPORT).status_code == 200
    command_line.done("user", "group", "admin", "--remove", ADMIN_GROUP)
    for method, path in (("GET", EXPORT), ("POST", "/user/sessions/verifyAll")):
        assert asked(people, token, method, path).status_code == 403


def test_only_administrators_have_tokens(people: Site, command_line: CommandLine) -> None:
    """There is nothing that those of others would be good for."""
    for name in ("alice", "supervisor"):
        browser = people.logged_in(name)
        assert browser.get(PAGE).status_code == 403
        form = {"name": "x", "scope": "read", "days": "1"}
        assert browser.post(PAGE, data=form).status_code == 403
        assert "is no administrator" in command_line.refused("token", "add", name, "x")


def test_a_token_opens_no_document_and_no_page(people: Site) -> None:
    """Each address that does not say that it takes tokens refuses the best of them."""
    token = made(people.logged_in("admin"), "admin")
    for path in ("/view/exam", "/", "/administer", "/administer/people", PAGE, "/my-sessions"):
        refused = asked(people, token, "GET", path)
        assert refused.status_code == 403, path
        assert "for people who log in" in refused.text
    views = people.app.view_functions.items()
    opened = {name for name, view in views if scope_of_view(view) is not None}
    assert not {name for name in opened if name.startswith(("documents", "tokens", "people"))}
    assert len(opened) == 11


def test_a_cookie_beside_a_token_says_nothing(people: Site) -> None:
    """Nobody gets by the one what the other does not give; a bad token is not made up for."""
    admin = people.logged_in("admin")
    token = made(admin)
    everybody = "/user/sessions/verifyAll"
    headers = {"Authorization": f"Bearer {token}", "X-CSRFToken": admin.csrf_token}
    assert admin.client.post(everybody, headers=headers).status_code == 403
    headers["Authorization"] += "x"
    assert admin.client.post(everybody, headers=headers).status_code == 401
    headers["Authorization"] = "Basic YTpi"
    assert admin.client.post(everybody, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "shown",
    [
        "timapp_",
        "timapp__",
        "timapp_00000000_" + "A" * 43,
        "timapp_%00_x",
        "timapp_\u00e4\u00e4_x",
        "timapp_" + "0" * 5000,
        "timapp_ 0",
    ],
)
def test_what_is_no_token_is_refused(people: Site, shown: str) -> None:
    """With 401 and how to ask, and never more."""
    refused = asked(people, shown, "GET", EXPORT)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert refused.json == {"error": "This token is not known here, or was ended."}


def test_a_token_ends(people: Site, clock: time_machine.Traveller) -> None:
    """On its day; at once when an administrator ends it, whosever it is."""
    people.add_admin("other")
    admin, other = people.logged_in("admin"), people.logged_in("other")
    old, ended = made(admin, name="old"), made(admin, name="to end")
    assert {asked(people, one, "GET", EXPORT).status_code for one in (old, ended)} == {200}
    other.post(CONFIRM, json={"password": PASSWORD})
    assert "to end" in other.get_page(PAGE).text
    form = {"token": ended.split("_")[1]}
    assert "The token to end is ended." in other.decide(f"{PAGE}/end", form).text
    assert asked(people, ended, "GET", EXPORT).status_code == 401
    assert other.post(f"{PAGE}/end", data=form).status_code == 404
    assert asked(people, old, "GET", EXPORT).status_code == 200
    assert "(over)" not in admin.get_page(PAGE).text
    clock.shift(timedelta(days=30))
    assert asked(people, old, "GET", EXPORT).status_code == 401


def test_whoever_is_shut_out_has_no_tokens(people: Site) -> None:
    """Not after a new password, nor when the account is closed, and opened again."""
    for name in ("first", "second"):
        people.add_admin(name)
    first, second = (made(people.logged_in(name)) for name in ("first", "second"))
    admin = people.logged_in("admin")
    admin.post(CONFIRM, json={"password": PASSWORD})
    new = admin.post("/administer/people/new-password", data={"person": people.user_id("first")})
    assert new.status_code == 200
    assert asked(people, first, "GET", EXPORT).status_code == 401
    assert asked(people, second, "GET", EXPORT).status_code == 200
    for act in ("disable", "enable"):
        done = admin.post(f"/administer/people/{act}", data={"person": people.user_id("second")})
        assert done.status_code == 303
        assert asked(people, second, "GET", EXPORT).status_code == 401


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("name", ""), ("name", "x" * 61), ("name", "a\0")],
        *[("scope", "all"), ("scope", "")],
        *[("days", "0"), ("days", "367"), ("days", "-1"), ("days", "9" * 5000), ("days", "")],
    ],
)
def test_what_is_wrong_with_a_new_token_is_said(people: Site, field: str, value: str) -> None:
    """Of which field, and none is made."""
    admin = people.logged_in("admin")
    assert admin.post(CONFIRM, json={"password": PASSWORD}).status_code == 200
    form = {"name": "n", "scope": "read", "days": "1"} | {field: value}
    refused = admin.post(PAGE, data=form)
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["field"] == field
    assert "Nobody has a token." in admin.get_page(PAGE).text


def test_nobody_has_more_than_some(people: Site) -> None:
    """The one after the last is refused."""
    admin = people.logged_in("admin")
    for number in range(20):
        made(admin, name=f"n{number}")
    refused = admin.post(PAGE, data={"name": "n", "scope": "read", "days": "1"})
    assert refused.status_code == 409


def test_to_make_a_token_the_password_is_asked_for(
    people: Site, clock: time_machine.Traveller
) -> None:
    """Whoever has stolen a cookie makes none."""
    admin = people.logged_in("admin")
    clock.shift(timedelta(minutes=16))
    form = {"name": "n", "scope": "read", "days": "1"}
    assert admin.post(PAGE, data=form).status_code == 403
    assert "Nobody has a token." in admin.get_page(PAGE).text
    assert admin.post(PAGE, data=form | {"confirm_password": PASSWORD}).status_code == 200


def test_it_is_seen_when_a_token_was_used_last(people: Site, clock: time_machine.Traveller) -> None:
    """To the minute; it is not written at each request."""
    admin = people.logged_in("admin")
    token = made(admin)
    assert "not yet" in admin.get_page(PAGE).text
    used: list[datetime | None] = []
    for seconds in (0, 30, 31):
        clock.shift(timedelta(seconds=seconds))
        assert asked(people, token, "GET", EXPORT).status_code == 200
        with people.app.app_context():
            used.append(db.session.scalars(sa.select(ApiToken.used_at)).one())
    assert "not yet" not in admin.get_page(PAGE).text
    first, same, later = used
    assert first is not None
    assert later is not None
    assert (same, later > first) == (first, True)


def test_tokens_at_the_command_line(people: Site, command_line: CommandLine) -> None:
    """Made, listed and ended, with what it prints once as the token."""
    token = command_line.done("token", "add", "admin", "gradebook", "--scope", "verify").strip()
    assert asked(people, token, "POST", "/user/sessions/alice/invalidate").status_code == 200
    prefix = token.split("_")[1]
    listed = command_line.done("token", "list").split("\t")
    assert listed[:4] == [prefix, "admin", "gradebook", "verify"]
    ended = command_line.done("token", "end", prefix)
    assert ended == f"Ended the token gradebook ({prefix}).\n"
    assert command_line.done("token", "list", "--user", "admin") == ""
    assert asked(people, token, "POST", "/user/sessions/alice/invalidate").status_code == 401
    assert prefix in command_line.refused("token", "end", prefix)
    assert "nobody" in command_line.refused("token", "add", "nobody", "x")


def test_a_form_that_is_sent_twice_makes_one_token(people: Site) -> None:
    """A reload of the page that shows it is one; once it is over or ended the name is free."""
    admin = people.logged_in("admin")
    assert admin.post(CONFIRM, json={"password": PASSWORD}).status_code == 200
    form = {"name": "gradebook", "scope": "read", "days": "1"}
    assert admin.post(PAGE, data=form).status_code == 200
    again = admin.client.post(PAGE, data=form | {"csrf_token": admin.csrf_token})
    assert again.status_code == 409
    assert "'gradebook' already, which is good still" in (again.json or {})["error"]
    assert admin.post(PAGE, data=form | {"name": "other"}).status_code == 200
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        later = people.logged_in("admin")
        assert later.post(CONFIRM, json={"password": PASSWORD}).status_code == 200
        assert later.post(PAGE, data=form).status_code == 200
