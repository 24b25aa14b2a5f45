"""What a site says of its provider, and what follows from it without asking it."""

import pytest

from tests.conftest import MakeApp
from tests.site import PASSWORD, Site
from timApp.auth.site import db
from timApp.user.federated import NotLinked, Word, person_of
from timApp.user.people import Identity
from timApp.util.errors import ConfigError

PROVIDER = {
    "SITE_URL": "https://exam.example.org",
    "OIDC_ISSUER": "https://op.example",
    "OIDC_CLIENT_ID": "timapp",
    "OIDC_CLIENT_SECRET": "secret",
}


@pytest.mark.parametrize("missing", ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "SITE_URL"])
def test_half_a_provider_is_refused(sqlite_url: str, make_app: MakeApp, missing: str) -> None:
    """At the start, with what is missing."""
    with pytest.raises(ConfigError, match=missing):
        make_app(sqlite_url, **(PROVIDER | {missing: None}))


def test_without_passwords_and_a_provider_nobody_could_log_in(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """So the site does not start."""
    with pytest.raises(ConfigError, match="LOCAL_PASSWORDS"):
        make_app(sqlite_url, LOCAL_PASSWORDS=False)


def test_passwords_can_be_switched_off(sqlite_url: str, make_app: MakeApp) -> None:
    """Then there is no form, and the right password opens nothing."""
    site = Site(make_app(sqlite_url, LOCAL_PASSWORDS=False, **PROVIDER))
    site.add_user("alice")
    browser = site.browser()
    page = browser.client.get("/login", base_url=PROVIDER["SITE_URL"]).text
    assert 'name="password"' not in page
    assert "/oidc/login" in page
    said = {"username": "alice", "password": PASSWORD}
    refused = browser.client.post("/login", json=said, base_url=PROVIDER["SITE_URL"])
    assert refused.status_code == 409
    assert site.sessions("alice") == {}


def test_a_name_is_linked_only_where_the_site_says_so(site: Site) -> None:
    """To somebody with a password; whoever has none was made for that, and is linked once."""
    site.add_user("alice")
    issuer = "https://op.example"
    with site.app.app_context():
        said = Identity("Alice", "Alice A", None, None)
        with pytest.raises(NotLinked):
            person_of(db, Word(issuer, "1"), said, links_by_name=False)
        db.session.rollback()
        linked = person_of(db, Word(issuer, "1"), said, links_by_name=True).person
        assert (linked.name, linked.real_name) == ("alice", "Alice A")
        renamed = Identity("someone else", None, None, None)
        again = person_of(db, Word(issuer, "1"), renamed, links_by_name=False)
        assert again.person.name == "alice"
        new = person_of(db, Word(issuer, "2"), Identity("bob"), links_by_name=False)
        assert (new.person.name, new.before) == ("bob", None)
        with pytest.raises(NotLinked):
            person_of(db, Word("https://other.example", "2"), Identity("bob"), links_by_name=False)
        db.session.rollback()
