"""Several people who wait are decided about at once."""

import re

import pytest
from werkzeug.test import TestResponse

from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.guard.waiting.codes import waiting_sessions

NAMES = ("alice", "bob", "carol")


@pytest.fixture
def hall(site: Site) -> Site:
    """A hall where three wait, of each of whom another session is active."""
    site.add_exam_hall()
    site.add_supervisor("second")
    for name in NAMES[1:]:
        site.add_user(name)
        site.add_document("exam", [name])
    for name in NAMES:
        site.logged_in(name, "Firefox")
        assert site.logged_in(name).get_page("/view/exam").status_code == 490
    return site


def codes(hall: Site) -> list[str]:
    """Return the codes of those who wait, in the order of their names."""
    with hall.app.app_context():
        waiting = sorted(waiting_sessions(db), key=lambda one: one.user_name)
        return [one.code for one in waiting]


def looked_at(browser: Browser, some: list[str]) -> TestResponse:
    """Return the page that shows those with these codes."""
    return browser.get_page("/supervise/several", query_string={"code": some})


def values(page: TestResponse) -> list[str]:
    """Return what the page's form says of each."""
    return re.findall(r'name="chosen" value="([^"]*)"', page.text)


def waits(hall: Site, name: str) -> bool:
    """Tell whether the person's later session is blocked."""
    sessions = sorted(hall.sessions(name).values(), key=lambda one: one.logged_in_at)
    return sessions[-1].expired_at is not None


def test_each_is_looked_at_before(hall: Site) -> None:
    """Who it is, at what, and which session a verification blocks; whoever is gone is told."""
    page = looked_at(hall.logged_in("supervisor"), [*codes(hall)[:2], "KX47"])
    assert page.status_code == 200
    assert page.text.count("Blocks: <bdi>Firefox</bdi>") == 2
    assert "Alice" in page.text
    assert "Bob" in page.text
    assert "Carol" not in page.text
    assert re.search(r"Nobody waits any more with:.*KX47", page.text)
    assert len(values(page)) == 2


def test_those_who_are_chosen_are_let_in_and_it_is_undone(hall: Site) -> None:
    """One act for all, an entry of the record for each with the reason, and one for all back."""
    supervisor = hall.logged_in("supervisor")
    before = {name: hall.states(name) for name in NAMES}
    chosen = values(looked_at(supervisor, codes(hall)))[:2]
    form = {"chosen": chosen, "reason": "power cut"}
    done = supervisor.decide("/supervise/several/verify", data=form)
    assert done.status_code == 200
    assert "Decided about 2 people" in done.text
    assert [waits(hall, name) for name in NAMES] == [False, False, True]
    changes = hall.changes()[-2:]
    assert {(one.action.value, one.actor, one.reason) for one in changes} == {
        ("verify", "supervisor", "power cut")
    }
    numbers = [str(one.id) for one in changes]
    back = supervisor.decide("/supervise/several/undo", data={"number": numbers})
    assert back.text.count("<strong>Undone</strong>") == 2
    assert {name: hall.states(name) for name in NAMES} == before
    again = supervisor.decide("/supervise/several/undo", data={"number": numbers})
    assert again.text.count("It cannot be undone any more") == 2


def undo_forms(page: TestResponse) -> list[dict[str, list[str]]]:
    """Return what each form of the page sends that undoes something."""
    forms = re.findall(r'<form [^>]*several/undo".*?</form>', page.text, re.DOTALL)
    return [
        {name: re.findall(rf'name="{name}" value="([^"]*)"', form) for name in ("shown", "number")}
        for form in forms
    ]


def test_after_one_of_several_is_undone_the_others_still_can_be(hall: Site) -> None:
    """The same summary is shown again: it marks who was undone, and offers to undo the others."""
    supervisor = hall.logged_in("supervisor")
    chosen = values(looked_at(supervisor, codes(hall)))
    page = supervisor.decide("/supervise/several/verify", data={"chosen": chosen})
    numbers = [str(one.id) for one in hall.changes()[-3:]]
    assert [form["number"] for form in undo_forms(page)] == [*([one] for one in numbers), numbers]
    page = supervisor.decide("/supervise/several/undo", data=undo_forms(page)[1])
    assert "Decided about 3 people" in page.text
    assert page.text.count("<strong>Undone</strong>") == 1
    left = [numbers[0], numbers[2]]
    assert [form["number"] for form in undo_forms(page)] == [*([one] for one in left), left]
    assert "Undo the rest" in page.text
    # A later login of somebody is no undoing, and after it nothing can be undone.
    hall.logged_in("alice")
    page = supervisor.get_page(page.request.url)
    assert page.text.count("<strong>Undone</strong>") == 1
    assert [form["number"] for form in undo_forms(page)] == [numbers[2:]]
    page = supervisor.decide("/supervise/several/undo", data=undo_forms(page)[0])
    assert page.text.count("<strong>Undone</strong>") == 2
    assert [waits(hall, name) for name in NAMES] == [True, True, True]


def test_several_logins_are_ended_for_good(hall: Site) -> None:
    """Whoever waited is nobody from then on; their other session goes on."""
    supervisor = hall.logged_in("supervisor")
    active = hall.active("alice")
    chosen = values(looked_at(supervisor, codes(hall)))[0]
    assert supervisor.decide("/supervise/several/end", data={"chosen": chosen}).status_code == 200
    assert hall.active("alice") == active
    assert len(codes(hall)) == 2


def test_who_was_decided_about_meanwhile_is_left_alone_and_named(hall: Site) -> None:
    """The others are done; nothing is overwritten that somebody else has decided."""
    supervisor, second = hall.logged_in("supervisor"), hall.logged_in("second")
    chosen = values(looked_at(supervisor, codes(hall)))
    name, _, session_id = chosen[0].partition(" ")[2].rpartition("#")
    ended = {"user": name, "session_id": session_id}
    assert second.decide("/supervise/end", data=ended).status_code == 200
    before = hall.states(name)
    page = supervisor.decide("/supervise/several/verify", data={"chosen": chosen})
    assert "has decided about" in page.text
    assert "Decided about 2 people" in page.text
    assert hall.states(name) == before
    assert [waits(hall, one) for one in NAMES if one != name] == [False, False]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"chosen": "x"},
        {"chosen": "0 alice"},
        {"chosen": "0 alice#"},
        {"chosen": "-1 alice#x"},
        {"chosen": "0 nobody#x"},
        {"chosen": [f"{number} alice#x" for number in range(101)]},
        {"chosen": "0 alice#x", "target": "nowhere"},
    ],
)
def test_what_names_nobody_changes_nothing(hall: Site, form: dict[str, object]) -> None:
    """It is refused as a whole, with a 4xx."""
    before = {name: hall.states(name) for name in NAMES}
    supervisor = hall.logged_in("supervisor")
    for action in ("verify", "end"):
        assert 400 <= supervisor.decide(f"/supervise/several/{action}", data=form).status_code < 500
    assert {name: hall.states(name) for name in NAMES} == before


def test_only_supervisors_decide_and_nobody_about_administrators(hall: Site) -> None:
    """Students get 403; of an administrator the page says why, and a forged form is refused."""
    hall.add_admin()
    hall.logged_in("admin")
    with hall.app.app_context():
        (session_id,) = hall.active("admin")
    student, supervisor = hall.logged_in("alice"), hall.logged_in("supervisor")
    for browser, chosen in (
        (student, f"0 bob#{session_id}"),
        (supervisor, f"0 admin#{session_id}"),
    ):
        answer = browser.decide("/supervise/several/verify", data={"chosen": chosen})
        assert answer.status_code in {403, 490}
    assert looked_at(student, codes(hall)).status_code in {403, 490}
    assert hall.active("admin") == {session_id}
