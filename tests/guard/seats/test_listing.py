"""The list of seats, and where sessions begin by it, on both databases."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.site import PASSWORD, Site
from timApp.auth.site import db
from timApp.database.dialects.functions import IsOneOf
from timApp.database.work import Work
from timApp.guard import Guard, GuardOptions, Identity
from timApp.guard.cookie import Cookies
from timApp.guard.rules.seating import NOWHERE, Seating
from timApp.guard.seats.listing import (
    Replacement,
    is_listed,
    listed_seats,
    replace_seats,
    spellings,
)
from timApp.guard.seats.network import keys_of, read_network
from timApp.guard.tables.seat import Seat


def list_seats(site: Site, **seats: str) -> Replacement:
    """Let these seats, by name and networks that are parted by blanks, be all that there are."""
    with site.app.app_context():
        found = replace_seats(
            db,
            {read_network(text): name for name, texts in seats.items() for text in texts.split()},
        )
        db.session.commit()
    return found


def seatings(site: Site, name: str) -> list[Seating]:
    """Return where the sessions of somebody began, in the order of their logins."""
    sessions = sorted(site.sessions(name).values(), key=lambda one: one.logged_in_at)
    return [session.seating for session in sessions]


def test_a_list_takes_the_place_of_another(site: Site) -> None:
    """What is new, changed, the same and gone is told, and only the new list is there then."""
    assert list_seats(site, A1="10.0.0.1", A2="10.0.0.2", A3="10.0.0.3") == Replacement(3, 0, 0, 0)
    assert list_seats(site, A1="10.0.0.1", A9="10.0.0.2", A4="10.0.0.4") == Replacement(1, 1, 1, 1)
    with site.app.app_context():
        assert listed_seats(db) == [("10.0.0.1", "A1"), ("10.0.0.4", "A4"), ("10.0.0.2", "A9")]
    assert list_seats(site) == Replacement(0, 0, 0, 3)


def test_two_lists_at_once_come_one_after_the_other(site: Site) -> None:
    """Of two imports at once each is whole: the later one is what there is."""
    lists: list[dict[str, str]] = [
        {f"{row}{n}": f"10.0.{row}.{n}" for n in range(1, 40)} for row in "12345678"
    ]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda seats: list_seats(site, **seats), lists))
    assert sum(one.gone for one in done) == 39 * (len(lists) - 1)
    with site.app.app_context():
        assert len({name[0] for _, name in listed_seats(db)}) == 1


def test_seats_are_listed_as_people_count(site: Site) -> None:
    """B-9 comes before B-14."""
    list_seats(site, **{"B-14": "10.0.0.1", "B-9": "10.0.0.2", "a-10": "10.0.0.3"})
    with site.app.app_context():
        assert [name for _, name in listed_seats(db)] == ["a-10", "B-9", "B-14"]


def test_a_seat_is_meant_in_capitals_or_not(site: Site) -> None:
    """Whoever types a seat in other letters means the one of the list."""
    list_seats(site, **{"Row 1 Ö": "10.0.0.1"})
    with site.app.app_context():
        assert "Row 1 Ö" in spellings(db, " row 1 ö ")
        assert is_listed(db, "ROW 1 ö")
        assert not is_listed(db, "row 2")
        assert "B-14" in spellings(db, "b-14")


@pytest.mark.parametrize(
    ("address", "seat"),
    [
        ("10.1.2.14", "B-14"),
        ("::ffff:10.1.2.14", "B-14"),
        ("10.1.2.15", "Row 2"),
        ("10.1.3.1", "Hall"),
        ("10.2.0.1", None),
        ("2001:db8::1:5", "V6"),
        ("2001:db8::2:5", None),
        ("unknown", None),
    ],
)
def test_a_session_begins_at_the_seat_of_its_address(
    site: Site, address: str, seat: str | None
) -> None:
    """The smallest network that an address is in says the seat; an address in none has none."""
    list_seats(
        site,
        **{
            "B-14": "10.1.2.14",
            "Row 2": "10.1.2.0/24",
            "Hall": "10.1.0.0/16",
            "V6": "2001:db8::1:0/112",
        },
    )
    site.add_user("alice")
    browser = site.browser()
    browser.client.environ_base["REMOTE_ADDR"] = address
    assert browser.log_in("alice").status_code == 200
    assert seatings(site, "alice") == [Seating(seat)]


def test_a_session_keeps_the_seat_that_it_began_at(site: Site) -> None:
    """Whatever is imported later, and wherever it is seen from, a session's seat stays."""
    list_seats(site, **{"B-14": "127.0.0.1"})
    site.add_user("alice")
    browser = site.logged_in("alice")
    list_seats(site, **{"C-3": "127.0.0.1"})
    browser.client.environ_base["REMOTE_ADDR"] = "10.9.9.9"
    assert browser.get("/").status_code == 200
    assert seatings(site, "alice") == [Seating("B-14")]
    site.logged_in("alice")
    assert seatings(site, "alice") == [Seating("B-14"), Seating("C-3")]


def test_logins_that_are_written_together_have_each_their_own_seat(site: Site) -> None:
    """Of many who log in at once, everybody sits where they are."""
    people = {f"p{n}": f"10.1.2.{n}" for n in range(1, 9)}
    list_seats(site, **{name.upper(): address for name, address in people.items()})
    for name in people:
        site.add_user(name)

    def log_in(name: str) -> None:
        browser = site.browser()
        browser.client.environ_base["REMOTE_ADDR"] = people[name]
        assert browser.log_in(name, PASSWORD).status_code == 200

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log_in, people))
    assert {name: seatings(site, name) for name in people} == {
        name: [Seating(name.upper())] for name in people
    }


def test_a_program_of_ones_own_tells_the_seat_by_the_origin(engine: sa.Engine) -> None:
    """A guard without pages knows the seat of the address that an origin begins with."""
    guard = Guard(engine, Cookies(["a key for the tests"]), GuardOptions(tracks_sessions=True))
    with Work(engine) as work:
        replace_seats(work, {read_network("192.0.2.1"): "B-14"})
        work.commit()
    for origin in ("[192.0.2.1] Firefox", "a terminal"):
        guard.begin(Identity("ann"), origin)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT seat, address_seat FROM usersession ORDER BY logged_in_at")
        )
        assert [Seating(*row) for row in rows] == [Seating("B-14"), NOWHERE]


def test_the_seat_of_an_address_is_found_by_the_index(site: Site) -> None:
    """However many seats there are, those of an address are found by their keys."""
    list_seats(site, **{f"S{n}": f"10.1.{n % 200}.{n // 200 + 1}" for n in range(400)})
    query = sa.select(Seat.name).where(IsOneOf(Seat.key, sa.literal(keys_of("10.1.1.1"))))
    with site.app.app_context():
        engine = db.engine
    is_sqlite = engine.dialect.name == "sqlite"
    text = str(query.compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.connect() as connection:
        assert connection.exec_driver_sql(text).all() == [("S1",)]
        if not is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = str(connection.exec_driver_sql(f"{explain} {text}").all())
    assert ("SEARCH seat USING PRIMARY KEY" if is_sqlite else "pk_seat") in plan
