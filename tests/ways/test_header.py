"""A proxy's header says who somebody is: to whom it may, where it may, and once."""

import logging
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.auth.ways.header import HeaderNames, HeaderRefused, WrongHeader, read_vouched
from timApp.request.peer import PEER, REPEATED
from timApp.user.factor.passkey import NewPasskey, add_passkey
from timApp.user.federated import FederatedIdentity
from timApp.user.people import find_person
from timApp.user.user import require_user
from timApp.user.usergroup import ADMIN_GROUP
from timApp.util.clock import now
from timApp.util.errors import ConfigError

PROXY = "192.0.2.7"
OPTIONS: dict[str, object] = {
    "TRUSTED_HEADER": "X-Remote-User",
    "TRUSTED_HEADER_FROM": ["192.0.2.0/28"],
    "TRUSTED_HEADER_REAL_NAME": "X-Remote-Name",
    "TRUSTED_HEADER_EMAIL": "X-Remote-Email",
    "TRUSTED_HEADER_GROUPS": "X-Remote-Groups",
}
NAMES = HeaderNames(
    ["192.0.2.0/28"], "X-Remote-User", "X-Remote-Name", "X-Remote-Email", "X-Remote-Groups"
)


@pytest.fixture
def house(database_url: str, make_app: MakeApp) -> Site:
    """A site whose people a proxy logs in."""
    return Site(make_app(database_url, WTF_CSRF_ENABLED=False, **OPTIONS))


def ask(
    browser: Browser,
    user: str | None = "ann",
    peer: str = PROXY,
    method: str = "POST",
    **headers: str,
) -> TestResponse:
    """Ask for the login as the proxy does."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    if user is not None:
        said["X-Remote-User"] = user
    return browser.client.open(
        "/header/login",
        method=method,
        headers={"Accept": "text/html", **said},
        environ_overrides={"REMOTE_ADDR": peer},
    )


def standing(browser: Browser) -> str:
    """Return how it stands with whoever is logged in there."""
    state: Any = browser.get("/user/sessions/state").json
    return str(state["standing"])


def test_the_proxy_says_who_it_is(house: Site) -> None:
    """Name, e-mail and groups with it, and in UTF-8; a second login is blocked as any."""
    browser = house.browser()
    said = {"X_Remote_Name": "Änn", "X_Remote_Email": "a@x.example", "X_Remote_Groups": "A; B,C"}
    sent = {name: value.encode().decode("latin-1") for name, value in said.items()}
    assert ask(browser, **sent).status_code == 303
    with house.app.app_context():
        person = find_person(db, "ann")
        assert person is not None
        assert (person.real_name, person.email) == ("Änn", "a@x.example")
        assert person.groups == {"A", "B", "C"}
    assert standing(browser) == "valid"
    second = house.browser()
    assert ask(second, "ANN").status_code == 303
    assert standing(second) != "valid"


def test_a_look_changes_nothing(house: Site) -> None:
    """GET shows the name and a button: no other page can have a session begin."""
    browser = house.browser()
    page = ask(browser, method="GET")
    assert page.status_code == 200
    assert "ann" in page.text
    assert house.sessions("ann") == {}
    assert standing(browser) == "anonymous"


def test_another_site_has_nobody_logged_in(database_url: str, make_app: MakeApp) -> None:
    """The button's form has a token."""
    site = Site(make_app(database_url, **OPTIONS))
    assert ask(site.browser()).status_code == 400
    assert site.sessions("ann") == {}


@pytest.mark.parametrize("peer", ["192.0.2.16", "127.0.0.1", "::1", "", "unknown"])
def test_nobody_but_the_proxy_is_believed(
    house: Site, peer: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever they say of where they come from; a line of the log says that it was tried."""
    for method in ("GET", "POST"):
        caplog.clear()
        answer = ask(house.browser(), peer=peer, method=method, X_Forwarded_For=PROXY)
        assert answer.status_code == 403
        found = [one for one in caplog.records if one.name == "timApp.auth.ways.header"]
        assert [one.levelno for one in found] == [logging.WARNING]
    assert house.changes() == []


def test_what_proxies_tell_of_the_visitor_is_not_who_is_connected(
    database_url: str, make_app: MakeApp
) -> None:
    """With TRUSTED_PROXIES, too: neither makes it a proxy of a visitor, nor the other way round."""
    site = Site(make_app(database_url, WTF_CSRF_ENABLED=False, TRUSTED_PROXIES=1, **OPTIONS))
    refused = ask(site.browser(), peer="198.51.100.1", X_Forwarded_For=PROXY)
    assert refused.status_code == 403
    assert ask(site.browser(), X_Forwarded_For="198.51.100.1").status_code == 303
    (session,) = site.sessions("ann").values()
    assert session.origin is not None
    assert session.origin.startswith("[198.51.100.1]")


@pytest.mark.parametrize(
    ("user", "status"),
    [
        (None, 403),
        ("", 403),
        (" ", 403),
        ("(null)", 403),
        ("ann,bob", 400),
        ("ann;bob", 400),
        ("ann\x01", 400),
        ("\xff\xfe", 400),
        ("a" * 256, 422),
        ("\u202e".encode().decode("latin-1"), 400),
        ("☃".encode().decode("latin-1"), 422),
    ],
)
def test_what_is_no_name_is_refused(house: Site, user: str | None, status: int) -> None:
    """And nothing is changed."""
    assert ask(house.browser(), user).status_code == status
    assert house.changes() == []
    with house.app.app_context():
        assert db.session.scalars(sa.select(FederatedIdentity)).all() == []


@pytest.mark.parametrize("twice", ["USER", "NAME", "EMAIL", "GROUPS"])
def test_a_header_that_came_twice_is_refused(twice: str) -> None:
    """One of the two may be the visitor's."""
    environ = {PEER: PROXY, "HTTP_X_REMOTE_USER": "ann", "HTTP_X_REMOTE_GROUPS": "A"}
    assert read_vouched(environ, NAMES).identity.groups == frozenset("A")
    with pytest.raises(WrongHeader):
        read_vouched(environ | {REPEATED: {f"HTTP_X_REMOTE_{twice}"}}, NAMES)


def test_headers_of_other_names_say_nothing() -> None:
    """The usual one is not read where another one is configured, and nothing stands for nobody."""
    environ = {PEER: PROXY, "HTTP_REMOTE_USER": "ann", "REMOTE_USER": "ann"}
    with pytest.raises(HeaderRefused):
        read_vouched(environ, NAMES)
    environ |= {"HTTP_X_REMOTE_USER": "ann"}
    said = read_vouched(environ, HeaderNames([PROXY], "X-Remote-User"))
    assert (said.identity.groups, said.identity.real_name) == (None, None)


def test_groups_that_are_not_said_are_none() -> None:
    """Where the proxy is to say them; too many are refused, and such as are too long."""
    environ = {PEER: PROXY, "HTTP_X_REMOTE_USER": "ann"}
    assert read_vouched(environ, NAMES).identity.groups == frozenset()
    for wrong in ("x" * 256, ",".join(map(str, range(201)))):
        with pytest.raises(WrongHeader):
            read_vouched(environ | {"HTTP_X_REMOTE_GROUPS": wrong}, NAMES)


def test_somebody_elses_name_opens_nothing_unless_the_site_says_so(
    database_url: str, make_app: MakeApp
) -> None:
    """A person of two ways is one person by LINK_BY_NAME alone."""
    options = OPTIONS | {"WTF_CSRF_ENABLED": False}
    site = Site(make_app(database_url, LINK_BY_NAME=["oidc", "saml", "lti"], **options))
    site.add_user("dora", [ADMIN_GROUP])
    refused = ask(site.browser(), "dora")
    assert refused.status_code == 403
    assert 'href="/login"' in refused.text, "who is nobody may log in in another way"
    assert site.sessions("dora") == {}
    linking = Site(make_app(database_url, LINK_BY_NAME=["header"], **options))
    assert ask(linking.browser(), "Dora").status_code == 303
    assert len(linking.sessions("dora")) == 1


def test_a_closed_account_opens_nothing(house: Site) -> None:
    """Whatever the proxy says."""
    assert ask(house.browser()).status_code == 303
    with house.app.app_context():
        require_user(db, "ann").disabled_at = now()
        db.session.commit()
    assert ask(house.browser()).status_code == 403
    assert len(house.sessions("ann")) == 1


def test_whoever_has_a_passkey_is_asked_for_it(house: Site) -> None:
    """No session begins before."""
    assert ask(house.browser()).status_code == 303
    with house.app.app_context():
        add_passkey(db, house.user_id("ann"), NewPasskey("c", "k", 0, "usb"), "ann's key")
        db.session.commit()
    answer = ask(house.browser())
    assert answer.status_code == 303
    assert answer.location.startswith("/login/passkey")
    assert len(house.sessions("ann")) == 1


def test_it_leads_on_to_this_site_alone(house: Site) -> None:
    """As each login does."""
    for wanted, leads_to in (("/my-sessions", "/my-sessions"), ("https://evil.example/", "/")):
        answer = house.browser().client.post(
            "/header/login",
            data={"next": wanted},
            headers={"X-Remote-User": "ann"},
            environ_overrides={"REMOTE_ADDR": PROXY},
        )
        assert answer.location == leads_to


def test_the_login_page_leads_there(sqlite_url: str, make_app: MakeApp) -> None:
    """Beside other ways, with what the site calls it; and without passwords alone."""
    site = Site(
        make_app(
            sqlite_url,
            LOCAL_PASSWORDS=False,
            LOGIN_LABELS={"header": "Uni & Co"},
            OIDC_ISSUER="https://op.example",
            OIDC_CLIENT_ID="x",
            OIDC_CLIENT_SECRET="y",
            SITE_URL="http://localhost",
            **OPTIONS,
        )
    )
    page = site.browser().get_page("/login?next=/hand-in").text
    assert 'href="/header/login?next=/hand-in"' in page
    assert "Uni &amp; Co" in page
    assert 'href="/oidc/login?next=/hand-in"' in page
    assert 'name="password"' not in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TRUSTED_HEADER_FROM": []}, "TRUSTED_HEADER_FROM"),
        ({"TRUSTED_HEADER": None}, "TRUSTED_HEADER"),
        ({"TRUSTED_HEADER": "X_Remote_User"}, "name of a header"),
        ({"TRUSTED_HEADER": "X-Remote-User:"}, "name of a header"),
        ({"TRUSTED_HEADER_FROM": ["everywhere"]}, "networks"),
        ({"LINK_BY_NAME": ["passwords"]}, "LINK_BY_NAME"),
    ],
)
def test_half_a_header_is_refused(
    sqlite_url: str, make_app: MakeApp, changed: dict[str, Any], said: str
) -> None:
    """At the start, with what is wrong."""
    with pytest.raises(ConfigError, match=said):
        make_app(sqlite_url, **(OPTIONS | changed))


def test_without_one_there_is_no_such_address(site: Site) -> None:
    """A header is of no use to anybody."""
    assert ask(site.browser(), method="GET").status_code == 404
