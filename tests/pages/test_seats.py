"""Seats on the pages of the blocked, of supervisors and of administrators."""

import re
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.guard.seats.listing import replace_seats
from timApp.guard.seats.network import read_network
from timApp.guard.tables.session import UserSession

ADDRESS, ELSEWHERE = "10.1.2.14", "10.1.2.15"


@pytest.fixture
def seated(hall: Site) -> Site:
    """A hall with two seats, in which alice's second login, at B-14, is blocked."""
    with hall.app.app_context():
        replace_seats(db, {read_network(ADDRESS): "B-14", read_network(ELSEWHERE): "<C-3>"})
        db.session.commit()
    log_in_at(hall, ELSEWHERE, "alice")
    assert log_in_at(hall, ADDRESS, "alice").get_page("/view/exam").status_code == 490
    return hall


def log_in_at(site: Site, address: str, name: str) -> Browser:
    """Return a browser at an address, with which somebody has logged in."""
    browser = site.browser()
    browser.client.environ_base["REMOTE_ADDR"] = address
    assert browser.log_in(name).status_code == 200
    return browser


def contradict(site: Site, address_seat: str) -> None:
    """Let the list have said this of the address of the session at B-14."""
    with site.app.app_context():
        db.session.execute(
            sa.update(UserSession)
            .where(UserSession.seat == "B-14")
            .values(address_seat=address_seat)
        )
        db.session.commit()


def words(html: str) -> str:
    """Return the text of a page in one line."""
    return " ".join(re.sub("<[^>]*>", "", html).split())


def test_the_seat_stands_on_the_blocked_page(seated: Site) -> None:
    """Whoever is blocked at a seat shows it, and nobody else shows any."""
    at_seat = log_in_at(seated, ADDRESS, "alice")
    assert "Seat B-14" in words(at_seat.get_page("/view/exam").text)
    nowhere = log_in_at(seated, "10.9.9.9", "alice")
    assert "Seat" not in words(nowhere.get_page("/view/exam").text)


def test_the_seat_stands_in_the_console_and_the_comparison(seated: Site) -> None:
    """A supervisor sees where somebody waits, and where the person's other sessions are."""
    supervisor = seated.logged_in("supervisor")
    assert "Seat B-14" in words(supervisor.get_page("/supervise").text)
    assert "Seat B-14" in words(supervisor.get_page("/supervise/waiting").text)
    comparison = supervisor.get_page("/supervise/person?user=alice").text
    assert "SeatB-14" in words(comparison)
    assert "&lt;C-3&gt;" in comparison


@pytest.mark.parametrize(
    ("address_seat", "told"),
    [("C-3", "The address is that of the seat C-3."), ("", "The address is that of no seat.")],
)
def test_what_contradicts_a_seat_is_told(seated: Site, address_seat: str, told: str) -> None:
    """Where the list says otherwise of the address, whoever sees the seat sees that, too."""
    contradict(seated, address_seat)
    seated.add_admin()
    supervisor, admin = seated.logged_in("supervisor"), seated.logged_in("admin")
    assert told in words(supervisor.get_page("/supervise").text)
    assert told in words(supervisor.get_page("/supervise/person?user=alice").text)
    assert told in words(admin.get_page("/administer/person?user=alice").text)
    assert told in words(admin.get_page("/administer/sessions").text)


def test_the_seat_stands_on_a_persons_page_and_in_the_record(seated: Site) -> None:
    """An administrator reads where each session was, and each session that was changed."""
    seated.add_admin()
    page = words(seated.logged_in("admin").get_page("/administer/person?user=alice").text)
    sessions, record = page.split("Record of changes")
    assert sessions.count("SeatB-14") == 1
    assert record.count("SeatB-14") == 1


def test_the_list_is_narrowed_down_to_a_seat(seated: Site) -> None:
    """The filter takes a whole seat, in capitals or not, and refuses what no seat is called."""
    seated.add_admin()
    admin = seated.logged_in("admin")
    found = words(admin.get_page("/administer/sessions?seat=b-14").text)
    assert "B-14" in found
    assert ADDRESS in found
    assert ELSEWHERE not in found
    assert "There is no such session." in admin.get_page("/administer/sessions?seat=B-1").text
    assert admin.get_page(f"/administer/sessions?seat={'x' * 41}").status_code == 422
    export = admin.get("/administer/sessions/export?seat=B-14").text
    assert len(export.splitlines()) == 2


def find(site: Site, text: str) -> tuple[int, str, str]:
    """Return what the console's field leads to: status, address, words."""
    answer = site.logged_in("supervisor").get_page(f"/supervise/find?q={quote(text)}")
    return answer.status_code, answer.headers.get("Location", ""), words(answer.text)


def test_a_seat_finds_who_sits_there(seated: Site) -> None:
    """One person at a seat is shown with the session there; several are to choose from."""
    (at_seat,) = (one for one in seated.sessions("alice").values() if one.seat == "B-14")
    status, address, _ = find(seated, " b-14 ")
    assert status == 302
    assert address == f"/supervise/person?user=alice&session={at_seat.session_id}"
    seated.add_user("bob")
    log_in_at(seated, ADDRESS, "bob")
    status, _, page = find(seated, "B-14")
    assert status == 200
    assert page.index("(bob)") < page.index("(alice)")


def test_a_seat_without_anybody_is_said(seated: Site) -> None:
    """At a seat of the list where nobody is logged in, that is what is said; a name comes first."""
    with seated.app.app_context():
        replace_seats(db, {read_network(ADDRESS): "AC34", read_network(ELSEWHERE): "supervisor"})
        db.session.commit()
    status, _, page = find(seated, "ac34")
    assert status == 404
    assert "Nobody is logged in at the seat &#39;ac34&#39;." in page
    status, address, _ = find(seated, "supervisor")
    assert (status, address) == (302, "/supervise/person?user=supervisor")
