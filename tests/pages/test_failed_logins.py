"""The administrators' page of failed logins."""

import re
from datetime import timedelta

import pytest

from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.user.attempts.failed import record_failed_login
from timApp.user.attempts.listing import PAGE_SIZE
from timApp.util.clock import now

LIST = "/administer/failed-logins"


@pytest.fixture
def admin(hall: Site) -> Browser:
    """An administrator's browser, on a site where alice and bob have failed logins."""
    hall.add_user("bob")
    hall.add_admin()
    failures: list[tuple[str | None, str | None]]
    failures = [("alice", f"192.0.2.{number}") for number in range(PAGE_SIZE + 2)]
    failures += [("bob", "192.0.2.1"), (None, "2001:db8::1"), (None, None)]
    with hall.app.app_context():
        moment = now() - timedelta(hours=1)
        for number, (name, address) in enumerate(failures):
            at = moment + timedelta(seconds=number)
            whose = None if name is None else hall.user_id(name)
            record_failed_login(db.session.connection(), whose, address, at)
        db.session.commit()
    return hall.logged_in("admin")


def entries(page: str) -> list[str]:
    """Return the text of each entry of the list."""
    shown = page.partition("<ol")[2].partition("</ol>")[0]
    items = re.split("<li ", shown)[1:]
    return [re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", item)).strip() for item in items]


def test_the_newest_come_first_and_each_says_who_and_from_where(admin: Browser) -> None:
    """Pages begin where the last one ended; a name that nobody has is not there to be shown."""
    first = admin.get_page(LIST).text
    shown = entries(first)
    assert len(shown) == PAGE_SIZE
    assert shown[0].endswith("A user name that nobody has unknown address")
    assert shown[1].endswith("A user name that nobody has 2001:db8::1")
    assert shown[2].endswith("Bob ( bob ) 192.0.2.1")
    assert shown[3].endswith(f"Alice ( alice ) 192.0.2.{PAGE_SIZE + 1}")
    following = re.search(r'rel="next" href="([^"]*)"', first)
    assert following
    second = admin.get_page(following[1]).text
    assert len(entries(second)) == 5
    assert entries(second)[-1].endswith("Alice ( alice ) 192.0.2.0")
    assert 'rel="next"' not in second


def test_they_are_found_by_person_and_by_address(admin: Browser) -> None:
    """By either, or both; the form keeps what was asked for."""
    for query, found in (
        ("user=bob", ["bob"]),
        ("user=BOB&address=192.0.2.1", ["bob"]),
        ("address=192.0.2.1", ["bob", "alice"]),
        ("address=%202001:db8::1", ["nobody"]),
    ):
        page = admin.get_page(f"{LIST}?{query}").text
        names = re.findall(r"\( (\w+) \)|user name that (nobody)", "\n".join(entries(page)))
        assert [one or other for one, other in names] == found
    assert 'value="2001:db8::1"' in page
    assert "There is no such failed login." in admin.get_page(f"{LIST}?user=admin").text


def test_what_names_nothing_is_told(admin: Browser) -> None:
    """An unknown person is 404 beside the form, and what is no number is 422."""
    answer = admin.get_page(f"{LIST}?user=nobody")
    assert answer.status_code == 404
    assert "There is no user named" in answer.text
    for place in ("x", "-1", "9" * 30):
        assert admin.get_page(f"{LIST}?before={place}").status_code == 422


def test_a_persons_page_has_the_latest_and_leads_to_the_others(admin: Browser) -> None:
    """It says nothing of them where there are none."""
    page = admin.get_page("/administer/person?user=alice").text
    section = page.partition('aria-labelledby="failed-logins"')[2].partition("</section>")[0]
    addresses = [f"192.0.2.{PAGE_SIZE + 1 - number}" for number in range(5)]
    assert re.findall(r"<bdi>(192[^<]*)</bdi>", section) == addresses
    assert f'href="{LIST}?user=alice"' in section
    assert "Failed logins</h2>" not in admin.get_page("/administer/person?user=admin").text


def test_only_administrators_see_them(hall: Site) -> None:
    """Supervisors do not, nor whoever is blocked."""
    assert hall.logged_in("supervisor").get_page(LIST).status_code == 403
    assert hall.logged_in("alice").get_page(LIST).status_code == 403
