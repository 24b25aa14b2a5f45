"""People log in by a real provider, and are logged out by it."""

import re
from urllib.parse import parse_qsl

import httpx
import pytest
import sqlalchemy as sa

from tests.live import eventually
from tests.oidc.conftest import House
from tests.site import PASSWORD
from timApp.auth.site import db
from timApp.guard.vocabulary import Action, ActorKind
from timApp.user.factor.passkey import NewPasskey, add_passkey
from timApp.user.factor.proof import SessionProof
from timApp.user.people import find_person
from timApp.user.user import User
from timApp.user.usergroup import UserGroup
from timApp.util.clock import now

ADD, CHANGE = Action.ADD_PERSON, Action.CHANGE_PERSON


def token_of(page: httpx.Response) -> str:
    """Return the CSRF token of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def standing(house: House, browser: httpx.Client) -> tuple[str | None, str]:
    """Return whose login a browser has, and how it stands."""
    state = browser.get(f"{house.server.url}/user/sessions/state").json()
    return state["username"], state["standing"]


def test_somebody_logs_in_by_the_provider(house: House) -> None:
    """Their name, real name and groups are what it says, and they land where they wanted to go."""
    with house.provider():
        browser, page = house.log_in("ann")
        assert page.status_code == 200, page.text
        assert str(page.url) == f"{house.server.url}/my-sessions"
        assert standing(house, browser) == ("ann", "valid")
        assert "ann of the organisation" in page.text
        _, blocked = house.log_in("ann")
        assert blocked.status_code == 490


def test_the_login_page_leads_to_the_provider(house: House) -> None:
    """Beside the form; and on to where somebody wanted to go, which is of this site."""
    page = house.browser().get(f"{house.server.url}/login?next=/hand-in").text
    assert 'href="/oidc/login?next=/hand-in"' in page
    assert 'name="password"' in page
    page = house.browser().get(f"{house.server.url}/login?next=https://evil.example/").text
    assert "evil.example" not in page.partition("/oidc/login")[2].partition('"')[0]


def test_whoever_logs_out_does_so_at_the_provider(house: House) -> None:
    """Which asks; after that it knows nobody, and neither do we."""
    with house.provider():
        browser, page = house.log_in("bob")
        out = browser.post(f"{house.server.url}/logout", data={"csrf_token": token_of(page)})
        assert str(out.url).startswith(house.issuer)
        assert standing(house, browser) == (None, "anonymous")
        action = re.search(r'action="([^"]+)"', out.text)
        secret = re.search(r'name="xsrf" value="([^"]+)"', out.text)
        assert action is not None
        assert secret is not None
        back = browser.post(action[1], data={"xsrf": secret[1], "logout": "yes"})
        assert str(back.url).startswith(f"{house.server.url}/login")
        again = browser.get(f"{house.server.url}/oidc/login")
        assert str(again.url).startswith(f"{house.issuer}/interaction/"), "it asks who it is"


def log_out_at_the_provider(house: House, browser: httpx.Client) -> None:
    """End a browser's login there, as another site of the organisation might."""
    asked = browser.get(f"{house.issuer}/session/end")
    secret = re.search(r'name="xsrf" value="([^"]+)"', asked.text)
    action = re.search(r'action="([^"]+)"', asked.text)
    assert secret is not None
    assert action is not None
    browser.post(action[1], data={"xsrf": secret[1], "logout": "yes"})
    eventually(lambda: standing(house, browser) == (None, "anonymous") or None)


def test_a_logout_at_the_provider_ends_the_login_here(house: House) -> None:
    """By the back channel: at once, and of that browser alone."""
    with house.provider():
        browser, page = house.log_in("cas")
        assert standing(house, browser) == ("cas", "valid")
        log_out_at_the_provider(house, browser)
        assert page.status_code == 200


def test_the_provider_asks_again_who_changes_much(house: House) -> None:
    """An administrator's old login is not enough; their own new one at the provider is."""
    export = f"{house.server.url}/administer/record/export?format=csv"
    ted = 'ted~["Administrators"]'
    with house.provider():
        browser, _ = house.log_in(ted)
        assert browser.get(export).headers["Content-Type"].startswith("text/csv")
        with house.site.app.app_context():
            db.session.execute(sa.delete(SessionProof))
            db.session.commit()

        asked = browser.get(export)
        assert asked.url.path == "/confirm"
        assert 'href="/oidc/confirm?next=/administer/record/export' in asked.text
        assert 'type="password"' not in asked.text
        assert confirm(house, browser, ted).url.path == "/my-sessions"
        assert browser.get(export).headers["Content-Type"].startswith("text/csv")
        stranger = house.browser().get(f"{house.server.url}/oidc/confirm")
        assert stranger.url.path == "/login"
    with house.site.app.app_context():
        db.session.execute(sa.delete(SessionProof))
        db.session.commit()
    with house.provider():  # which knows nothing of the login before
        assert confirm(house, browser, "uma").status_code == 403, "somebody else"
        assert browser.get(export).url.path == "/confirm"


def confirm(house: House, browser: httpx.Client, name: str) -> httpx.Response:
    """Have the provider ask again who somebody is, who says that name; return where that leads."""
    form = browser.get(f"{house.server.url}/oidc/confirm", params={"next": "/my-sessions"})
    assert str(form.url).startswith(f"{house.issuer}/interaction/"), form.text
    return browser.post(form.url, data={"prompt": "login", "login": name, "password": "x"})


def test_whoever_has_a_passkey_here_is_asked_for_it(house: House) -> None:
    """The provider's word alone begins no session of theirs."""
    with house.provider():
        first, _ = house.log_in("kim")
        assert standing(house, first) == ("kim", "valid")
        with house.site.app.app_context():
            passkey = NewPasskey("credential", "key", 0, "usb")
            add_passkey(db, house.site.user_id("kim"), passkey, "kim's key")
            db.session.commit()
        second, page = house.log_in("kim")
        assert page.url.path == "/login/passkey"
        assert standing(house, second) == (None, "anonymous")
        assert len(house.site.sessions("kim")) == 1


def test_a_logout_token_counts_once(house: House) -> None:
    """One that is sent again, and what is none, is refused; nobody is logged out by it."""
    address = f"{house.server.url}/oidc/backchannel-logout"
    with house.provider():
        former, _ = house.log_in("jo")
        log_out_at_the_provider(house, former)
        browser, _ = house.log_in("jo")
        form = dict(parse_qsl(house.sent.read_text().splitlines()[-1]))
        again = browser.post(address, data=form)
        assert again.status_code == 400
        assert again.headers["Cache-Control"] == "no-store"
        for sent in ("", "x", "a.b.c"):
            answer = browser.post(address, data={"logout_token": sent})
            assert answer.status_code == 400
        assert browser.post(address, json={"logout_token": "x"}).status_code == 422
        assert standing(house, browser) == ("jo", "valid")


def test_whoever_has_closed_the_browser_goes_on(house: House) -> None:
    """It forgets the login and not what it is called, so the same session goes on."""
    with house.provider():
        browser, _ = house.log_in("lea")
        for cookie in list(browser.cookies.jar):
            if cookie.name == "timapp":
                browser.cookies.delete(cookie.name, cookie.domain, cookie.path)
        page = browser.get(f"{house.server.url}/oidc/login", params={"next": "/my-sessions"})
        assert page.status_code == 200, page.text
        assert standing(house, browser) == ("lea", "valid")
        assert len(house.site.sessions("lea")) == 1
        log_out_at_the_provider(house, browser)


def test_logins_that_were_not_finished_shut_nobody_out(house: House) -> None:
    """However often somebody has gone to the provider and come back without an answer."""
    with house.provider():
        browser = house.browser()
        browser.follow_redirects = False
        for _ in range(30):
            assert browser.get(f"{house.server.url}/oidc/login").status_code == 302
        assert len(browser.cookies["timapp"]) < 2_000
        browser.follow_redirects = True
        form = browser.get(f"{house.server.url}/oidc/login", params={"next": "/my-sessions"})
        page = browser.post(form.url, data={"prompt": "login", "login": "mia", "password": "x"})
        assert page.status_code == 200, page.text
        assert standing(house, browser) == ("mia", "valid")


def test_a_closed_account_learns_nothing_of_the_provider(house: House) -> None:
    """The login is refused, and nothing that the provider says is kept for when it is opened."""
    with house.provider():
        house.log_in("nia#1")
        with house.site.app.app_context():
            (person,) = db.session.scalars(sa.select(User).filter_by(name="nia"))
            person.disabled_at, person.real_name = now(), "as it was"
            db.session.commit()
        browser, page = house.log_in("nia#1")
        assert page.status_code == 403
        assert standing(house, browser) == (None, "anonymous")
        with house.site.app.app_context():
            names = db.session.scalars(sa.select(User.real_name).filter_by(name="nia"))
            assert list(names) == ["as it was"]


def test_what_the_provider_makes_of_people_is_in_the_record(house: House) -> None:
    """Who is new by its word, and whose groups are others, as if an administrator had done so."""
    with house.provider():
        house.log_in("oda")
        with house.site.app.app_context():
            (person,) = db.session.scalars(sa.select(User).filter_by(name="oda"))
            person.groups = [*person.groups, UserGroup(name="Late")]
            db.session.commit()
        house.log_in("oda")
    told = [
        (one.action, one.actor_kind, one.actor, one.reason)
        for one in house.site.changes()
        if one.user_id == house.site.user_id("oda") and one.action in {ADD, CHANGE}
    ]
    assert told == [
        (ADD, ActorKind.HOST, house.issuer, None),
        (CHANGE, ActorKind.HOST, house.issuer, "groups: -Late"),
    ]


@pytest.mark.parametrize("said", ["5", "true", '{"Administrators": 1}', '[""]', '["a", 5]'])
def test_what_is_no_list_of_groups_lets_nobody_in(house: House, said: str) -> None:
    """It is said which claim is wrong, and nobody is made."""
    name = f"pia{said.encode().hex()}"
    with house.provider():
        browser, page = house.log_in(f"{name}~{said}")
        assert page.status_code == 403, page.text
        assert "groups" in page.text
        assert standing(house, browser) == (None, "anonymous")
    with house.site.app.app_context():
        assert find_person(db, name) is None


def test_one_group_may_be_a_text(house: House) -> None:
    """As some providers have it."""
    with house.provider():
        house.log_in('rui~"Students"')
    with house.site.app.app_context():
        person = find_person(db, "rui")
        assert person is not None
        assert person.groups == {"Students"}


def test_somebody_elses_name_opens_nothing(house: House) -> None:
    """An account with a password here is not that of whoever has its name at the provider."""
    house.site.add_user("dora")
    with house.provider():
        browser, page = house.log_in("dora")
        assert page.status_code == 403
        assert "already" in page.text
        assert standing(house, browser) == (None, "anonymous")


def test_a_subject_is_one_person_whatever_they_are_called(house: House) -> None:
    """And two subjects of one name are two, of whom the second is refused."""
    with house.provider():
        first, _ = house.log_in("eve#1")
        assert standing(house, first) == ("eve", "valid")
        second, page = house.log_in("eve#2")
        assert page.status_code == 403
        assert standing(house, second) == (None, "anonymous")


def test_a_provider_that_is_away_is_told(house: House) -> None:
    """In a sentence, with a way to log in that does not need it; and nobody is logged in."""
    browser = house.browser()
    with house.provider():
        form = browser.get(f"{house.server.url}/oidc/login")
        browser.follow_redirects = False
        said = {"prompt": "login", "login": "ida", "password": "x"}
        resumed = browser.post(form.url, data=said).headers["Location"]
        back = browser.get(resumed).headers["Location"]
    answer = browser.get(back)
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert standing(house, browser) == (None, "anonymous")
    house.site.add_user("fay")
    said = {"username": "fay", "password": PASSWORD}
    assert browser.post(f"{house.server.url}/login", json=said).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?code=x",
        "?state=x",
        "?code=x&state=y",
        "?error=no&state=y",
        "?code=x&code=y",
    ],
)
def test_what_is_no_answer_to_this_browser_is_refused(house: House, query: str) -> None:
    """Somebody else's code among it: nobody is logged in as another one."""
    with house.provider():
        answer = house.browser().get(f"{house.server.url}/oidc/callback{query}")
        assert answer.status_code in {403, 422}
        assert "Traceback" not in answer.text


def test_new_keys_of_the_provider_are_asked_for(house: House) -> None:
    """A login goes on when they were changed; whoever has the old ones signs nothing any more."""
    with house.provider():
        first, page = house.log_in("gil")
        assert page.status_code == 200
    with house.provider():
        browser, page = house.log_in("hal")
        assert page.status_code == 200, page.text
        assert standing(house, browser) == ("hal", "valid")
    assert standing(house, first) == ("gil", "valid")
