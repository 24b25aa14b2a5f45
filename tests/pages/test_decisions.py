"""What two supervisors decide about one person, and how a decision is undone."""

from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.undo import Undoable

_HOLDS = {"SESSIONS_AFTER_END": "hold"}


@pytest.fixture
def held(database_url: str, make_app: MakeApp) -> Site:
    """A hall in which whoever was ended waits for a supervisor."""
    site = Site(make_app(database_url, **_HOLDS))
    site.add_exam_hall()
    site.add_supervisor("second")
    return site


def stated(site: Site) -> dict[str, list[Any]]:
    """Return the state of all sessions of alice, and what is not settled."""
    columns = ("session_id", "expired_at", "logged_out_at", "verified_at", "cause")
    with site.app.app_context():
        sessions = sa.select(*(getattr(UserSession, one) for one in columns)).order_by("session_id")
        holds = sa.select(SessionHold.session_id, SessionHold.since, SessionHold.exam_id)
        is_hers = UserSession.user_id == site.user_id("alice")
        return {
            "sessions": [tuple(row) for row in db.session.execute(sessions.where(is_hers))],
            "holds": sorted(tuple(row) for row in db.session.execute(holds)),
        }


def form_of(site: Site, action: str) -> dict[str, str]:
    """Return a form about alice's session that waits, to verify it, or about the active one."""
    blocked = site.blocked()
    active = next(iter(site.active("alice")))
    return {"user": "alice", "session_id": blocked.session_id if action == "verify" else active}


def seen_by(supervisor: Browser) -> str:
    """Return the number of the decision that the comparison shows to somebody."""
    page = supervisor.get_page("/supervise/person?user=alice").text
    return page.partition('name="seen" value="')[2].partition('"')[0]


@pytest.mark.parametrize("first", ["verify", "invalidate", "end", "pause"])
@pytest.mark.parametrize("second", ["verify", "invalidate", "end", "pause"])
def test_who_decides_unaware_of_another_is_told_and_changes_nothing(
    held: Site, first: str, second: str
) -> None:
    """409 names who decided, and shows what is so now; whoever looks again can decide."""
    one, two = held.logged_in("supervisor"), held.logged_in("second")
    forms = [form_of(held, first) | {"seen": seen_by(one)}]
    forms.append(forms[0] | {"seen": seen_by(two)})
    assert one.post(f"/supervise/{first}", data=forms[0]).status_code == 303
    before = stated(held)
    answer = two.post(f"/supervise/{second}", data=forms[1])
    assert answer.status_code == 409
    assert "Nothing was changed, as &#39;supervisor&#39; has decided" in answer.text
    assert "Decided last:" in answer.text
    assert stated(held) == before
    if (first, second) != ("end", "verify"):  # nobody can verify what was ended
        again = forms[0] | {"seen": seen_by(two)}
        assert two.post(f"/supervise/{second}", data=again).status_code == 303


def test_logins_and_logouts_of_the_person_make_no_form_stale(held: Site) -> None:
    """A student cannot keep supervisors from deciding by logging in again and again."""
    browser = held.blocked()
    supervisor = held.logged_in("supervisor")
    seen = seen_by(supervisor)
    assert seen == "0"
    held.logged_in("alice").log_out()
    held.logged_in("alice")
    form = {"user": "alice", "session_id": browser.session_id, "seen": seen}
    assert supervisor.post("/supervise/verify", data=form).status_code == 303


def test_a_decision_about_everybody_is_seen(held: Site) -> None:
    """Whoever has invalidated all has decided about each."""
    browser = held.blocked()
    held.add_admin()
    supervisor = held.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id, "seen": seen_by(supervisor)}
    assert held.logged_in("admin").post("/user/sessions/invalidateAll").status_code == 200
    answer = held.logged_in("second").post("/supervise/verify", data=form)
    assert answer.status_code == 409
    assert "&#39;admin&#39;" in answer.text


@pytest.mark.parametrize("seen", ["x", "-1", "1.5", "٣", "9" * 5000])
def test_a_number_that_is_none_is_refused(held: Site, seen: str) -> None:
    """422 names the field, and nothing changes."""
    browser = held.blocked()
    form = {"user": "alice", "session_id": browser.session_id, "seen": seen}
    before = stated(held)
    answer = held.logged_in("supervisor").post("/supervise/verify", data=form)
    assert (answer.status_code, stated(held)) == (422, before)


@pytest.mark.parametrize("seen", ["1", "999999999"])
def test_a_decision_that_there_is_not_was_seen_by_nobody(held: Site, seen: str) -> None:
    """422 for the number of one to come, by which a form would never be out of date."""
    browser = held.blocked()
    held.logged_in("supervisor").get_page("/supervise")
    form = {"user": "alice", "session_id": browser.session_id, "seen": str(10_000 + int(seen))}
    before = stated(held)
    answer = held.logged_in("supervisor").post("/supervise/verify", data=form)
    assert (answer.status_code, stated(held)) == (422, before)
    assert "there is no decision" in answer.text


@pytest.mark.parametrize("action", ["verify", "invalidate", "end", "pause"])
def test_undone_all_is_as_it_was(held: Site, action: str) -> None:
    """Sessions with their times and causes, and what held the person; and it is recorded."""
    form = form_of(held, action)
    supervisor = held.logged_in("supervisor")
    before = stated(held)
    page = supervisor.decide(f"/supervise/{action}", data=form).text
    assert stated(held) != before
    number = page.partition('name="number" value="')[2].partition('"')[0]
    undone = supervisor.decide("/supervise/undo", data={"user": "alice", "number": number})
    assert "All is as it was before" in undone.text
    assert stated(held) == before
    assert held.changes()[-1].action.value == "undo"
    again = supervisor.post("/supervise/undo", data={"user": "alice", "number": number})
    assert again.status_code == 409
    # What has happened since is said with it, and there is a way back.
    assert "Undid the last decision" in again.text
    assert "Back to who is waiting" in again.text
    assert stated(held) == before


def _log_in(site: Site) -> None:
    site.logged_in("alice")


def _decide(site: Site) -> None:
    form = {"user": "alice", "session_id": next(iter(site.active("alice")))}
    assert site.logged_in("second").post("/supervise/invalidate", data=form).status_code == 303


def _decide_about_all(site: Site) -> None:
    site.add_admin()
    assert site.logged_in("admin").post("/user/sessions/invalidateAll").status_code == 200


@pytest.mark.parametrize("meanwhile", [_log_in, _decide, _decide_about_all])
def test_what_has_happened_since_is_not_undone(held: Site, meanwhile: Any) -> None:
    """A login, another decision, or one about everybody: 409, and nothing changes."""
    browser = held.blocked()
    supervisor = held.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    done = supervisor.post("/supervise/verify", data=form).location
    number = done.partition("number=")[2].partition("&")[0]
    meanwhile(held)
    before = stated(held)
    if meanwhile is not _decide_about_all:
        assert "Undo</button>" not in supervisor.get_page(done).text
    answer = held.logged_in("second").post(
        "/supervise/undo", data={"user": "alice", "number": number}
    )
    assert answer.status_code == 409
    assert "something has happened" in answer.text
    assert stated(held) == before


@pytest.mark.parametrize("number", ["0", "99", "999999999999999999999", "9" * 5000, "", "x"])
def test_what_nobody_decided_is_not_undone(held: Site, number: str) -> None:
    """An unknown number is 409 or 422, also that of another person's decision."""
    held.blocked()
    before = stated(held)
    form = {"user": "alice", "number": number}
    answer = held.logged_in("supervisor").post("/supervise/undo", data=form)
    assert answer.status_code in {409, 422}
    assert stated(held) == before


def test_another_persons_decision_is_not_undone_by_this_ones_name(held: Site) -> None:
    """Nor is that of an administrator by a supervisor."""
    held.add_user("bob")
    browser = held.blocked()
    supervisor = held.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    done = supervisor.post("/supervise/verify", data=form).location
    number = done.partition("number=")[2].partition("&")[0]
    before = stated(held)
    answer = supervisor.post("/supervise/undo", data={"user": "bob", "number": number})
    assert (answer.status_code, stated(held)) == (409, before)


def test_to_reload_what_was_done_repeats_nothing(held: Site) -> None:
    """The page after a decision is a page of its own, the list below it."""
    browser = held.blocked()
    supervisor = held.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    done = supervisor.post("/supervise/verify", data=form).location
    recorded = len(held.changes())
    for _ in range(2):
        page = supervisor.get_page(done)
        assert page.status_code == 200
        assert "Verified: <bdi>Alice</bdi>" in page.text
        assert "Waiting for verification" in page.text
    assert len(held.changes()) == recorded


@pytest.mark.parametrize("query", ["action=x", "user=alice", "action=verify&effect=x"])
def test_a_page_of_nothing_known_is_refused(held: Site, query: str) -> None:
    """422 for an address that nobody was led to."""
    assert held.logged_in("supervisor").get_page(f"/supervise/done?{query}").status_code == 422


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("user=alice", "user=bob"),
        ("effect=expired+already", "effect=invalidated"),
        ("action=invalidate", "action=verify"),
        ("seal=", "seal=x"),
    ],
)
def test_a_page_says_what_was_decided_and_nothing_else(held: Site, part: str, other: str) -> None:
    """An address to which a decision led is refused as soon as somebody changes a part of it."""
    held.add_user("bob")
    browser = held.blocked()
    supervisor = held.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    done = supervisor.post("/supervise/invalidate", data=form).location
    assert "was expired already" in supervisor.get_page(done).text
    assert part in done
    forged = supervisor.get_page(done.replace(part, other))
    assert forged.status_code == 422
    assert "Nobody was led to this address by a decision" in forged.text


def test_of_a_person_the_last_decision_is_kept(held: Site) -> None:
    """What was before does not pile up."""
    browser = held.blocked()
    supervisor = held.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    for action in ("verify", "invalidate", "verify"):
        supervisor.post(f"/supervise/{action}", data=form)
    with held.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Undoable)) == 1
