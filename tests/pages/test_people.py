"""The administrators' pages of people."""

import re

import pytest

from tests.site import PASSWORD, Browser, Site
from timApp.accounts.account import Account, require_account
from timApp.auth.site import db
from timApp.guard.vocabulary import Action
from timApp.user.usergroup import ADMIN_GROUP

PEOPLE = "/administer/people"
ACTS = ("disable", "enable", "end-sessions", "new-password", "delete")


@pytest.fixture
def admin(hall: Site) -> Browser:
    """An administrator's browser, on a site with alice, an exam and a supervisor."""
    hall.add_admin()
    return hall.logged_in("admin")


def account_of(site: Site, name: str = "alice") -> Account:
    """Return an account, read afresh."""
    with site.app.app_context():
        return require_account(db, name)


def act(site: Site, browser: Browser, name: str, user: str = "alice", **more: str) -> str:
    """Do something to a person, and return the page that it leads to."""
    form = {"person": str(account_of(site, user).id), **more}
    answer = browser.decide(f"{PEOPLE}/{name}", form)
    assert answer.status_code == 200, answer.text
    return answer.text


def slip_password(page: str) -> str:
    """Return the password that stands on a slip."""
    found = re.search(r'slip-secret">([a-z0-9-]+)<', page)
    assert found is not None
    return found[1]


def test_a_person_is_added_and_logs_in_with_the_slip(hall: Site, admin: Browser) -> None:
    """The password is shown once; the list finds the person by any part, with groups and state."""
    form = {"name": "ann", "real_name": "Ann <b>", "email": "ann@x.org", "groups": "A\n\n B \nA"}
    page = admin.decide(f"{PEOPLE}/new", form)
    assert page.status_code == 200
    for shown in ("The person is added", "Ann &lt;b&gt;", 'class="qr"'):
        assert shown in page.text
    assert hall.browser().log_in("ann", slip_password(page.text)).status_code == 200
    found = admin.get_page(f"{PEOPLE}?q=X.ORG")
    assert "Ann &lt;b&gt;" in found.text
    assert re.search(r"<bdi>A</bdi>, <bdi>B</bdi>", found.text)
    assert "user=alice" not in found.text
    for state, is_there in (("disabled", False), ("active", True)):
        assert ("user=ann" in admin.get_page(f"{PEOPLE}?state={state}").text) is is_there
    refused = admin.decide(f"{PEOPLE}/new", {**form, "name": "ANN"})
    assert refused.status_code == 409
    assert 'aria-describedby="name-error"' in refused.text
    assert admin.get_page(f"{PEOPLE}?state=odd").status_code == 422


def test_an_account_is_changed_unless_somebody_else_has_meanwhile(
    hall: Site, admin: Browser
) -> None:
    """What is not sent stays; with the mark of before nothing is saved, and it is told."""
    alice = account_of(hall)
    form = {"person": str(alice.id), "mark": alice.mark}
    done = admin.decide(f"{PEOPLE}/account", {**form, "name": "alicia", "email": "a@x.org"})
    assert "The account is changed." in done.text
    assert account_of(hall, "alicia").real_name == "Alice"
    stale = admin.decide(f"{PEOPLE}/account", {**form, "name": "alice", "email": ""})
    assert stale.status_code == 409
    assert "Somebody else has changed this account" in stale.text
    assert stale.text.count("It is now:") == 2
    now = account_of(hall, "alicia")
    assert now.email == "a@x.org"
    form["mark"] = now.mark
    same = admin.decide(f"{PEOPLE}/account", form)
    assert "Nothing was changed." in same.text
    for field, text, status in (("groups", "None", 404), ("name", "supervisor", 409)):
        wrong = admin.decide(f"{PEOPLE}/account", {**form, field: text})
        assert wrong.status_code == status
        assert f'id="{field}-error"' in wrong.text
    assert account_of(hall, "alicia") == now


def test_acts_of_an_administrator_are_done_and_recorded(hall: Site, admin: Browser) -> None:
    """Sessions end, passwords are made up, accounts close, open and go; each by whom and when."""
    browser = hall.logged_in("alice")
    assert "1 open session was ended." in act(hall, admin, "end-sessions")
    assert browser.get("/user/sessions/current").status_code == 403
    secret = slip_password(act(hall, admin, "new-password"))
    assert hall.browser().log_in("alice").status_code == 403
    browser = hall.browser()
    assert browser.log_in("alice", secret).status_code == 200
    assert "The account is closed." in act(hall, admin, "disable")
    assert "closed already" in act(hall, admin, "disable")
    assert browser.get("/user/sessions/current").status_code == 403
    assert "open again" in act(hall, admin, "enable")
    assert "open already" in act(hall, admin, "enable")
    page = act(hall, admin, "delete", mark=account_of(hall).mark)
    assert "The account is deleted." in page
    page = act(hall, admin, "delete", mark=account_of(hall).mark, pseudonym="yes")
    assert "Person " in page
    user_id = hall.changes()[-1].user_id
    done = [one for one in hall.changes() if one.user_id == user_id and one.actor == "admin"]
    assert [one.action for one in done] == [
        Action.END,
        Action.NEW_CREDENTIALS,
        Action.DISABLE,
        Action.ENABLE,
        Action.DELETE,
        Action.ERASE,
    ]
    assert all(one.address for one in done)


def test_an_administrator_does_nothing_of_it_to_themselves(hall: Site, admin: Browser) -> None:
    """Nor to the last one; it is told on the page, and nothing is changed."""
    before = account_of(hall, "admin")
    form = {"person": str(before.id), "mark": before.mark}
    for path, more in (("disable", {}), ("delete", {"mark": before.mark})):
        answer = admin.decide(f"{PEOPLE}/{path}", {"person": form["person"], **more})
        assert answer.status_code == 409
        assert "ask another administrator" in answer.text
    answer = admin.decide(f"{PEOPLE}/account", {**form, "groups": ""})
    assert answer.status_code == 409
    assert "ask another administrator" in answer.text
    assert account_of(hall, "admin") == before
    assert before.groups == (ADMIN_GROUP,)


def test_the_page_says_what_a_person_may_do_and_all_that_is_held(
    hall: Site, admin: Browser
) -> None:
    """Documents with the group that opens them; the export is a file of JSON without a hash."""
    page = admin.get_page(f"{PEOPLE}/account?user=ALICE").text
    assert "/view/exam" in page
    assert "by themselves" in page
    assert "may do everything" in admin.get_page(f"{PEOPLE}/account?user=admin").text
    held = admin.get(f"{PEOPLE}/export?user=alice")
    assert held.headers["Content-Disposition"].startswith("attachment; filename=person-")
    assert held.json is not None
    assert held.json["account"]["name"] == "alice"
    assert "argon2" not in held.text
    assert admin.get_page(f"{PEOPLE}/account?user=nobody").status_code == 404


def test_pages_of_people_are_for_administrators_alone(hall: Site, admin: Browser) -> None:
    """Supervisors and students see none, and do nothing; nor is anything done by a GET."""
    person = str(account_of(hall).id)
    for name in ("supervisor", "alice"):
        browser = hall.logged_in(name)
        for path in ("", "/new", "/account?user=alice", "/delete?user=alice", "/export?user=alice"):
            assert browser.get_page(f"{PEOPLE}{path}").status_code == 403
        for path in (*ACTS, "new", "account"):
            assert browser.post(f"{PEOPLE}/{path}", data={"person": person}).status_code in {
                403,
                422,
            }
    for path in ACTS[:-1]:
        assert admin.get(f"{PEOPLE}/{path}").status_code == 405
        assert admin.client.post(f"{PEOPLE}/{path}", data={"person": person}).status_code == 400
        assert admin.decide(f"{PEOPLE}/{path}", {"person": "x"}).status_code == 404
    assert hall.browser().log_in("alice", PASSWORD).status_code == 200
