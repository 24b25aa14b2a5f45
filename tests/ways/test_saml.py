"""A SAML identity provider says who it is: to this browser, once, and in one signed assertion."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from saml2.xmldsig import DIGEST_SHA1, SIG_RSA_SHA1
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import Browser, Site
from tests.ways.samlidp import ACS, IDP, SITE, IdentityProvider, encoded, write_key
from timApp.auth.site import db
from timApp.auth.ways import saml
from timApp.user.people import find_person
from timApp.util.errors import ConfigError

_PAGE = {"Accept": "text/html"}
_COOKIE = "__Host-timapp_errand"
_LATER = timedelta(minutes=10)


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> IdentityProvider:
    """An identity provider."""
    return IdentityProvider(tmp_path_factory.mktemp("idp"))


def make_house(url: str, make_app: MakeApp, idp: IdentityProvider, **options: Any) -> Site:
    """Return a site whose people it logs in, and let it know the site."""
    chosen = {"SITE_URL": SITE, "SAML_IDP_METADATA": str(idp.metadata)} | options
    site = Site(make_app(url, **chosen))
    described = site.browser().client.get("/saml/metadata", base_url=SITE)
    assert described.status_code == 200
    assert described.mimetype == "application/samlmetadata+xml"
    idp.meet(described.text)
    return site


@pytest.fixture
def house(database_url: str, make_app: MakeApp, idp: IdentityProvider) -> Site:
    """A site whose people an identity provider logs in."""
    return make_house(database_url, make_app, idp)


def begun(browser: Browser, idp: IdentityProvider, next_page: str = "/my-sessions") -> str:
    """Go to the provider; return the number of the request."""
    answer = browser.client.get(
        "/saml/login", query_string={"next": next_page}, headers=_PAGE, base_url=SITE
    )
    assert answer.status_code == 303
    return idp.number(answer.location)


def finish(browser: Browser, response: str) -> TestResponse:
    """Come back from the provider, with its form."""
    form = {"SAMLResponse": encoded(response), "RelayState": "", "again": "yes"}
    return browser.client.post("/saml/acs", data=form, headers=_PAGE, base_url=SITE)


def standing(browser: Browser) -> str:
    """Return how it stands with whoever is logged in there."""
    state: Any = browser.client.get("/user/sessions/state", base_url=SITE).json
    return str(state["standing"])


def test_the_provider_says_who_it_is(
    database_url: str, make_app: MakeApp, idp: IdentityProvider
) -> None:
    """Name, e-mail and groups with it; a second login is blocked as any."""
    house = make_house(database_url, make_app, idp, SAML_GROUPS_ATTRIBUTE="eduPersonAffiliation")
    browser = house.browser()
    answer = finish(browser, idp.answer(begun(browser, idp)))
    assert (answer.status_code, answer.location) == (303, "/my-sessions")
    assert standing(browser) == "valid"
    with house.app.app_context():
        person = find_person(db, "ann@uni.example")
        assert person is not None
        assert (person.real_name, person.email) == ("Ann", "ann@x.example")
        assert person.groups == frozenset({"student", "member"})
    second = house.browser()
    assert finish(second, idp.answer(begun(second, idp))).status_code == 303
    assert standing(second) != "valid"


def test_an_answer_counts_once(house: Site, idp: IdentityProvider) -> None:
    """Also in another browser that has the cookie."""
    browser, thief = house.browser(), house.browser()
    response = idp.answer(begun(browser, idp))
    cookie = browser.client.get_cookie(_COOKIE, "exam.example.org")
    assert cookie is not None
    assert finish(browser, response).status_code == 303
    assert finish(browser, response).status_code == 403
    thief.client.set_cookie(_COOKIE, cookie.value, domain="exam.example.org", secure=True)
    assert finish(thief, response).status_code == 403
    assert standing(thief) == "anonymous"


def test_an_answer_is_for_the_browser_that_has_asked(house: Site, idp: IdentityProvider) -> None:
    """Nobody is logged in as another one who has sent them their answer; nothing comes unasked."""
    mallory, victim = house.browser(), house.browser()
    number = begun(mallory, idp)
    response = idp.answer(number, "mallory")
    assert finish(victim, response).status_code == 403
    begun(victim, idp)
    for unfit in (response, idp.answer("id-unknown"), idp.answer("")):
        assert finish(victim, unfit).status_code == 403
    assert standing(victim) == "anonymous"
    assert house.changes() == []


def _shift(**moved: Any) -> Callable[[Any], None]:
    """Return what sets things of the assertion's conditions and confirmation."""

    def change(response: Any) -> None:
        data = response.assertion.subject.subject_confirmation[0].subject_confirmation_data
        for name, value in moved.items():
            part, _, attribute = name.partition("__")
            of = {"data": data, "conditions": response.assertion.conditions}[part]
            setattr(of, attribute, value)

    return change


def _with(path: str, value: Any) -> Callable[[Any], None]:
    """Return what sets one thing of the response, or below it."""

    def change(response: Any) -> None:
        of = response
        *steps, last = path.split(".")
        for step in steps:
            of = of[int(step)] if step.isdigit() else getattr(of, step)
        setattr(of, last, value)

    return change


_AUDIENCE = "assertion.conditions.audience_restriction"
_CONFIRMATION = "assertion.subject.subject_confirmation.0"
_PAST, _FUTURE = "2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"
#: What the provider may say, and sign, that is not for us, or not now.
_WRONG: dict[str, Callable[[Any], None]] = {
    "another audience": _with(f"{_AUDIENCE}.0.audience.0.text", "https://other.example"),
    "no audience": _with(_AUDIENCE, []),
    "no conditions": _with("assertion.conditions", None),
    "another recipient": _shift(data__recipient="https://other.example/acs"),
    "no recipient": _shift(data__recipient=None),
    "the site as recipient": _shift(data__recipient=f"{SITE}/saml/metadata"),
    "another request": _shift(data__in_response_to="id-other"),
    "no request": _shift(data__in_response_to=None),
    "over": _shift(data__not_on_or_after=_PAST),
    "without an end": _shift(data__not_on_or_after=None),
    "not yet": _shift(conditions__not_before=_FUTURE),
    "conditions over": _shift(conditions__not_before=None, conditions__not_on_or_after=_PAST),
    "nobody's confirmation": _with("assertion.subject.subject_confirmation", []),
    "a confirmation without data": _with(f"{_CONFIRMATION}.subject_confirmation_data", None),
    "for whoever vouches": _with(
        f"{_CONFIRMATION}.method", "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
    ),
    "another issuer": _with("assertion.issuer.text", "https://other.example"),
    "the response elsewhere": _with("destination", "https://other.example/acs"),
    "the response to another": _with("in_response_to", "id-other"),
    "no success": _with("status.status_code.value", "urn:oasis:names:tc:SAML:2.0:status:Responder"),
    "nobody": _with("assertion.subject", None),
    "no attributes": _with("assertion.attribute_statement", []),
}


def _tampered(right: str) -> Iterator[tuple[str, str]]:
    """Yield documents that are made of a right one by somebody who cannot sign."""
    found = re.search(r"<(\w+):Assertion .*</\1:Assertion>", right, re.DOTALL)
    assert found is not None
    signed = found[0]
    signature = re.search(r"<(\w+):Signature .*?</\1:Signature>", signed, re.DOTALL)
    assert signature is not None
    own = re.search(r' ID="([^"]+)"', signed)
    assert own is not None
    evil = signed.replace("ann@uni.example", "eve@uni.example")
    other = evil.replace(own[1], "id-evil")
    bare = other.replace(signature[0], "")
    yield "changed", right.replace("ann@uni.example", "eve@uni.example")
    yield "without its signature", right.replace(signature[0], "")
    # Wrapped: a signed assertion that nobody reads beside, in or around one that is read.
    yield "an unsigned one before", right.replace(signed, bare + signed)
    yield "an unsigned one behind", right.replace(signed, signed + bare)
    yield "one of the same ID", right.replace(signed, evil + signed)
    inner = other.replace(signature[0], signature[0].replace("</ns", f"{signed}</ns", 1))
    yield "within the signature", right.replace(signed, inner)
    namespace = 'xmlns:x="http://www.w3.org/2000/09/xmldsig#"'
    within = f"<x:Object {namespace}>{signed}</x:Object>"
    held = re.sub(r"(</\w+:Signature>)", lambda end: within + end[1], other, count=1)
    yield "in an object", right.replace(signed, held)
    yield "in an extension", right.replace(signed, f"<e:x xmlns:e='urn:x'>{signed}</e:x>{bare}")
    advice = re.sub(r"(</\w+:Subject>)", lambda end: end[1] + signed, bare, count=1)
    yield "within another", right.replace(signed, advice)
    # Two readings of one text.
    for comment in ("<!---->", "<![CDATA[]]>", "<?x?>"):
        cut = f"ann{comment}@uni.example"
        yield f"with {comment}", right.replace("ann@uni.example", cut)
    body = right.partition("?>")[2] if right.startswith("<?xml") else right
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    yield "a bomb", bomb + body.replace("Ann", "&b;")
    yield "a file", '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + body
    yield "another encoding", '<?xml version="1.0" encoding="utf-7"?>' + body
    yield "utf-16", '<?xml version="1.0" encoding="utf-16"?>' + body
    yield "two documents", body + body
    yield "deep", "<a>" * 5000 + "</a>" * 5000
    yield "long", body.replace("Ann", "A" * 190_000)
    yield "no XML", "x"
    yield "nothing", ""


def test_nothing_else_is_an_answer(
    sqlite_url: str, make_app: MakeApp, idp: IdentityProvider
) -> None:
    """Each is refused, and nobody is logged in or made; the right one counts after all of them."""
    house = make_house(sqlite_url, make_app, idp)
    browser = house.browser()
    number = begun(browser, idp)
    right = idp.answer(number)
    for why, text in _tampered(right):
        assert text != right, why
        assert finish(browser, text).status_code == 403, why
    for why, change in _WRONG.items():
        assert finish(browser, idp.answer(number, change=change)).status_code == 403, why
    for forged in (
        idp.answer(number, by_stranger=True),
        idp.answer(number, signs=False),
        idp.answer(number, sign_alg=SIG_RSA_SHA1),
        idp.answer(number, digest_alg=DIGEST_SHA1),
        idp.answer(number, eduPersonPrincipalName=["ann@uni.example", "eve@uni.example"]),
        idp.answer(number, eduPersonPrincipalName=[]),
        idp.answer(number, eduPersonPrincipalName="x" * 600),
    ):
        assert finish(browser, forged).status_code == 403
    for form in ({"SAMLResponse": "%"}, {"SAMLResponse": "é"}, {}):
        said = form | {"again": "yes"}
        answer = browser.client.post("/saml/acs", data=said, headers=_PAGE, base_url=SITE)
        assert answer.status_code == 403
    said = {"SAMLResponse": encoded(right)}
    page = browser.client.post("/saml/acs", data=said, headers=_PAGE, base_url=SITE)
    assert page.status_code == 200
    assert encoded(right) in page.text
    assert house.changes() == []
    assert standing(browser) == "anonymous"
    with house.app.app_context():
        assert find_person(db, "ann@uni.example") is None
        assert find_person(db, "eve@uni.example") is None
    with time_machine.travel(datetime.now(UTC) + _LATER):
        assert finish(browser, right).status_code == 403
    assert finish(browser, right).status_code == 303


def test_somebody_elses_name_opens_nothing_unless_the_site_says_so(
    sqlite_url: str, make_app: MakeApp, idp: IdentityProvider
) -> None:
    """A person of two ways is one by LINK_BY_NAME alone; somebody renamed stays who they are."""
    subject = {"SAML_SUBJECT": "eduPersonUniqueId"}
    house = make_house(sqlite_url, make_app, idp, **subject)
    house.add_user("dora@uni.example")
    browser = house.browser()
    said: Any = {"eduPersonUniqueId": "1@uni.example"}
    assert finish(browser, idp.answer(begun(browser, idp), "dora", **said)).status_code == 403
    linking = make_house(sqlite_url, make_app, idp, LINK_BY_NAME=["saml"], **subject)
    for name in ("dora", "doris"):
        browser = linking.browser()
        answer = finish(browser, idp.answer(begun(browser, idp), name, **said))
        assert answer.status_code == 303
    assert len(linking.sessions("dora@uni.example")) == 2
    browser = linking.browser()
    assert finish(browser, idp.answer(begun(browser, idp), "dora")).status_code == 403


def test_requests_are_signed_with_the_sites_key(
    sqlite_url: str, make_app: MakeApp, idp: IdentityProvider, tmp_path: Path
) -> None:
    """If it has one, which is in its metadata; and the login page leads to the provider."""
    keys = write_key(tmp_path, "site")
    options = {"SAML_KEY_FILE": keys["key_file"], "SAML_CERT_FILE": keys["cert_file"]}
    site = make_house(sqlite_url, make_app, idp, LOCAL_PASSWORDS=False, **options)
    browser = site.browser()
    answer = browser.client.get("/saml/login", base_url=SITE)
    assert "Signature=" in answer.location
    described = browser.client.get("/saml/metadata", base_url=SITE).text
    assert "X509Certificate" in described
    assert ACS in described
    page = browser.client.get("/login?next=/hand-in", base_url=SITE).text
    assert 'href="/saml/login?next=/hand-in"' in page


def test_it_leads_on_to_this_site_alone(
    sqlite_url: str, make_app: MakeApp, idp: IdentityProvider
) -> None:
    """As each login does."""
    browser = make_house(sqlite_url, make_app, idp).browser()
    answer = finish(browser, idp.answer(begun(browser, idp, "https://evil.example/")))
    assert answer.location == "/"


def test_half_a_provider_is_refused(
    sqlite_url: str,
    make_app: MakeApp,
    idp: IdentityProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the start, with what is wrong: also where the library or its program is missing."""
    right = {"SITE_URL": SITE, "SAML_IDP_METADATA": str(idp.metadata)}
    two = tmp_path / "two.xml"
    one = idp.metadata.read_text("utf-8").partition("?>")[2] or idp.metadata.read_text("utf-8")
    both = one + one.replace(IDP, f"{IDP}2")
    two.write_text(
        f'<m:EntitiesDescriptor xmlns:m="urn:oasis:names:tc:SAML:2.0:metadata">{both}'
        "</m:EntitiesDescriptor>",
        "utf-8",
    )
    for changed, said in (
        ({"SITE_URL": None}, "SITE_URL"),
        ({"SITE_URL": "http://exam.example.org"}, "https"),
        ({"SAML_IDP_METADATA": str(tmp_path / "gone.xml")}, "cannot be read"),
        ({"SAML_IDP_METADATA": __file__}, "no XML"),
        ({"SAML_IDP_METADATA": str(two)}, "of 2"),
        ({"SAML_IDP": "https://other.example"}, "SAML_IDP"),
        ({"SAML_KEY_FILE": "x"}, "SAML_CERT_FILE"),
        ({"SAML_KEY_FILE": "x", "SAML_CERT_FILE": "y"}, "no file"),
    ):
        with pytest.raises(ConfigError, match=said):
            make_app(sqlite_url, **(right | changed))
    make_app(sqlite_url, **(right | {"SAML_IDP_METADATA": str(two), "SAML_IDP": IDP}))
    with monkeypatch.context() as patch:
        patch.setattr(saml, "which", lambda _: None)
        with pytest.raises(ConfigError, match="xmlsec1 is missing"):
            make_app(sqlite_url, **right)
    monkeypatch.setattr(saml, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"timapp\[saml\]"):
        make_app(sqlite_url, **right)
