"""The login's cookie reaches the hosts that are guarded, and no other."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.auth.test_cookie_names import cookie_of, set_by
from tests.conftest import MakeApp
from tests.site import PASSWORD, Site
from timApp.config import load_config
from timApp.util.errors import ConfigError

SITE, LAB = "https://exam.example.org", "https://lab.example.org"
LOGIN = {"username": "alice", "password": PASSWORD}
DOMAIN = {"SITE_URL": SITE, "GUARDED_HOSTS": {LAB: {}}, "SESSION_COOKIE_DOMAIN": "example.org"}
BELOW = {"SITE_URL": f"{LAB}/_timapp", "GUARDED_HOSTS": {LAB: {}}}


def site_of(make_app: MakeApp, url: str, options: dict[str, Any]) -> Site:
    """Return a site with alice in it."""
    site = Site(make_app(url, **options))
    site.add_user("alice")
    return site


def log_in(site: Site, base_url: str, cookie: str = "") -> TestResponse:
    """Log in at an address, with that cookie."""
    client = site.app.test_client(use_cookies=False)
    return client.post("/login", json=LOGIN, base_url=base_url, headers={"Cookie": cookie})


def test_the_hosts_of_a_domain_share_the_login(sqlite_url: str, make_app: MakeApp) -> None:
    """It is for the domain and for HTTPS alone, by a name that says so."""
    answer = log_in(site_of(make_app, sqlite_url, DOMAIN), SITE)
    for name in ("__Secure-timapp", "__Secure-timapp_browser"):
        assert "Domain=example.org" in set_by(answer)[name]
        assert "Secure" in set_by(answer)[name]


def test_a_cookie_of_one_host_goes_with_the_login_for_the_domain(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """The one from before, which would count first, is dropped as browsers let it be."""
    site = site_of(make_app, sqlite_url, {"SITE_URL": SITE})
    old = cookie_of(log_in(site, SITE), "__Host-timapp")
    dropped = set_by(log_in(Site(make_app(sqlite_url, **DOMAIN)), SITE, old))["__Host-timapp"]
    assert "Expires=Thu, 01 Jan 1970" in dropped
    assert "Domain" not in dropped
    assert "Path=/" in dropped.split("; ")


def test_below_a_path_of_a_guarded_host_the_cookie_is_for_all_of_it(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """And so for the program beside the site; below a path of another host for that path."""
    site = site_of(make_app, sqlite_url, BELOW | {"TRUSTED_HOSTS": ["exam.example.org"]})
    here = set_by(log_in(site, f"{LAB}/_timapp"))
    assert "Path=/" in here["__Host-timapp"].split("; ")
    elsewhere = set_by(log_in(site, f"{SITE}/_timapp"))
    assert "Path=/_timapp" in elsewhere["__Secure-timapp"].split("; ")


def test_the_site_answers_by_the_names_of_the_hosts_that_it_guards(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """It stands below a path of theirs; by another name it is not to be had."""
    site = site_of(make_app, sqlite_url, DOMAIN)
    client = site.app.test_client()
    assert client.get("/login", base_url=f"{LAB}/_timapp").status_code == 200
    assert client.get("/login", base_url="https://evil.example.org").status_code == 400


def test_forms_lead_to_guarded_hosts_and_their_pages_show_the_blocked_page(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """What the policy of other pages forbids; frames it forbids everywhere else."""
    client = site_of(make_app, sqlite_url, DOMAIN).app.test_client()
    policy = client.get("/login", base_url=SITE).headers["Content-Security-Policy"]
    assert f"form-action 'self' {LAB};" in policy
    assert "frame-ancestors 'none'" in policy
    blocked = client.get("/gate/blocked", base_url=SITE, query_string={"to": f"{LAB}/"})
    assert "frame-ancestors 'self'" in blocked.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"GUARDED_HOSTS": {LAB: {}}}, "SITE_URL"),
        ({"GUARDED_HOSTS": {f"{LAB}/a": {}}}, "origins"),
        ({"GUARDED_HOSTS": {"lab.example.org": {}}}, "origins"),
        ({"GUARDED_HOSTS": {LAB: {"group": ["Students"]}}}, "origins"),
        ({"GUARDED_HOSTS": {LAB: {"open": ["public"]}}}, "origins"),
        ({"GUARDED_HOSTS": {"https://läb.example.org": {}}}, "ASCII"),
        ({"SESSION_COOKIE_DOMAIN": "org"}, "domain"),
        ({"SESSION_COOKIE_DOMAIN": "https://example.org"}, "domain"),
    ],
)
def test_what_cannot_be_guarded_is_refused_at_the_start(
    options: dict[str, Any], problem: str
) -> None:
    """A host that is none, rules that nobody knows, a domain that is everybody's."""
    site_url = {} if problem == "SITE_URL" else {"SITE_URL": SITE}
    with pytest.raises(ConfigError, match=problem):
        load_config({**site_url, **options})
