"""Pages in the reader's language, with times in the reader's time zone."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from babel.support import Translations

from tests.site import Site
from timApp.ui.language import TIME_ZONE_COOKIE

_PROJECT = Path(__file__).parents[2]
_CATALOGS = sorted((_PROJECT / "timApp" / "translations").glob("*/LC_MESSAGES/messages.po"))


def _errors_of_the_makefile() -> list[str]:
    """Return the classes of errors whose sentences `make translations` collects."""
    text = (_PROJECT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    found = re.search(r"^ERRORS := (.*)$", text, re.MULTILINE)
    assert found
    return str(found[1]).split()


_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    # The first argument of an error is a sentence that pages show.
    **dict.fromkeys(_errors_of_the_makefile()),
}


def texts_of_the_project() -> set[str | tuple[str, ...]]:
    """Return every text in the code and the templates that is to be translated."""
    with (_PROJECT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = extract_from_dir(_PROJECT, methods, options, keywords=_KEYWORDS)
    return {message for _, _, message, _, _ in found}


def catalog_of(file: Path) -> Catalog:
    """Return what a translator wrote."""
    with file.open("rb") as text:
        return read_po(text, locale=file.parent.parent.name)


@pytest.mark.parametrize("file", _CATALOGS, ids=lambda file: file.parent.parent.name)
def test_every_text_is_translated(file: Path) -> None:
    """The catalog has each text of the project, no other one, and keeps what is filled in."""
    catalog = catalog_of(file)
    assert {message.id for message in catalog if message.id} == texts_of_the_project()
    for message in catalog:
        assert not message.fuzzy
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), message.id
        assert not list(message.check(catalog)), message.id


@pytest.mark.parametrize("file", _CATALOGS, ids=lambda file: file.parent.parent.name)
def test_the_compiled_catalog_is_up_to_date(file: Path) -> None:
    """What the site reads is what the translator wrote: `make translations` makes it so."""
    with file.with_suffix(".mo").open("rb") as compiled:
        used = Translations(compiled)
    for message in catalog_of(file):
        if isinstance(message.id, tuple):
            one, many = message.id
            assert tuple(used.ngettext(one, many, n) for n in (1, 2)) == message.string
        elif message.id:
            assert used.gettext(str(message.id)) == message.string


@pytest.mark.parametrize(
    ("wish", "language", "heading"),
    [
        ("fi-FI,fi;q=0.9,en;q=0.5", "fi", "Kirjaudu sisään"),
        ("sv", "sv", "Logga in"),
        ("en-US", "en", "Log in"),
        ("de,sv;q=0.1", "sv", "Logga in"),
        ("de", "en", "Log in"),
        ("*;;q=x", "en", "Log in"),
    ],
)
def test_pages_are_in_the_language_of_the_browser(
    site: Site, wish: str, language: str, heading: str
) -> None:
    """The language that the browser likes best and that there is decides; else it is English."""
    headers = {"Accept": "text/html", "Accept-Language": wish}
    page = site.browser().client.get("/login", headers=headers).text
    assert f'<html lang="{language}">' in page
    assert heading in page


def test_a_language_that_was_chosen_wins(site: Site) -> None:
    """It is remembered in this browser, for whoever logs in, and leads back to where they were."""
    client = site.browser().client
    wish = {"Accept": "text/html", "Accept-Language": "sv"}
    form = {"language": "fi", "next": "/login?next=/view/exam"}
    answer = client.post("/language", data=form, headers=wish)
    assert (answer.status_code, answer.location) == (303, "/login?next=/view/exam")
    assert '<html lang="fi">' in client.get("/login", headers=wish).text
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"):
        assert attribute in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("form", "status", "place"),
    [
        ({"language": "de", "next": "/"}, 422, None),
        ({"next": "/"}, 422, None),
        ({"language": "fi", "next": "//example.org/"}, 303, "/"),
        ({"language": "fi"}, 303, "/"),
    ],
)
def test_a_language_that_there_is_not_is_refused(
    site: Site, form: dict[str, str], status: int, place: str | None
) -> None:
    """Nothing is remembered of it; and nobody is led to another site."""
    answer = site.browser().client.post("/language", data=form)
    assert (answer.status_code, answer.location) == (status, place)
    assert ("Set-Cookie" in answer.headers) == (status == 303)


def test_a_cookie_with_no_language_is_passed_over(site: Site) -> None:
    """What the browser wishes counts then."""
    client = site.browser().client
    client.set_cookie("language", "../../fi")
    page = client.get("/login", headers={"Accept": "text/html", "Accept-Language": "sv"}).text
    assert '<html lang="sv">' in page


def test_errors_on_pages_are_translated_and_those_for_programs_are_not(site: Site) -> None:
    """A Finnish page says it in Finnish, JSON in English."""
    client = site.browser().client
    finnish = {"Accept-Language": "fi"}
    page = client.get("/nowhere", headers={"Accept": "text/html", **finnish})
    assert "Tällaista sivua ei ole" in page.text
    answer = client.post("/login", json={"username": "x", "password": "y"}, headers=finnish)
    assert answer.json == {"error": "Wrong user name or password."}


@pytest.mark.parametrize(
    ("cookie", "is_utc"),
    [("Asia/Tokyo", False), (None, True), ("Nowhere/City", True), ("../../etc", True)],
)
def test_times_are_in_the_zone_that_the_browser_tells(
    site: Site, cookie: str | None, is_utc: bool
) -> None:
    """A known zone is used; without one, times are in UTC and say so."""
    site.add_user("alice")
    browser = site.logged_in("alice")
    if cookie is not None:
        browser.client.set_cookie(TIME_ZONE_COOKIE, cookie)
    page = browser.get_page("/my-sessions")
    assert page.status_code == 200
    assert (" UTC</time>" in page.text) == is_utc
