"""The measurements themselves: that each case runs, and that figures are worked out as told."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from bench.__main__ import measure
from bench.cases import CASES
from bench.guard import guard
from bench.measure import Series, interleaved, percentile
from bench.people import SESSIONS_EACH, active_session_of
from bench.report import Section, at_least, at_most, render_section, with_section
from bench.run import SQLITE, Run, Scale
from bench.server import PROJECT
from bench.waiters import rhythm_of_the_page

_MEASURED = re.compile(r"^<!-- measured: (?P<section>.*) -->\n(?P<table>(?:\|.*\n)+)", re.MULTILINE)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """A run of the smallest size."""
    with closing(Run(Scale.SMALLEST)) as opened:
        yield opened


# The other cases start servers, which takes too long, and one of them needs the peers.
@pytest.mark.parametrize(
    "name",
    ["guard", "growth", "admin_list", "everybody", "export", "login", "hosts", "size", "replica"],
)
def test_case_runs(run: Run, name: str) -> None:
    """A case measures something, and compares it with a goal or shows it in a table."""
    section = measure(CASES[name], run)
    assert section.goals or section.tables
    assert "| --- |" in "\n".join(render_section(section))


def test_the_bench_asks_as_often_as_a_page_does() -> None:
    """The rhythm is read from the script of the pages, and found there."""
    rhythm = rhythm_of_the_page()
    assert (rhythm.shortest, rhythm.longest) == pytest.approx((0.96, 1.44))


def test_a_request_goes_to_one_part_of_tables_that_are_cut_by_user(run: Run) -> None:
    """Whatever a page or a login asks of the database is answered by the person's own part.

    But for the name, by which a login finds out whose part that is, and for wrong passwords, which
    names that are nobody's have, too: their small table is whole.
    """
    (table,) = measure(CASES["shards"], run).tables
    parts = {by_user for purpose, _, by_user, _ in table.rows if purpose == "Reading a document"}
    assert parts == {"one", "none"}
    login = {str(row[1]): row[2:] for row in table.rows if row[0] == "Logging in"}
    elsewhere = {text: touched[0] for text, touched in login.items() if touched[0] != "one"}
    assert elsewhere == {
        "`SELECT ... FROM useraccount WHERE useraccount.name = ?`": "all",
        "`SELECT ... FROM passwordfailures WHERE passwordfailures.subject = ?"
        " AND (passwordfailures.place = ? OR passwordfailures.place = ?)`": "none",
    }
    assert [touched for text, touched in login.items() if " AS login " in text] == [("one", "all")]
    for table_name in ("useraccount", "usersession", "sessionchange"):
        assert any(f" {table_name} " in text for text in login)


def test_guards_that_take_turns_ask_their_own_database(run: Run) -> None:
    """A guard knows the people of its own database only, whichever guard was made last."""
    key = (2, active_session_of(2))
    with ExitStack() as guards:
        knowing, ignorant = [
            guards.enter_context(guard(run.filled(SQLITE, sessions), run.new_folder("instance")))
            for sessions in (2 * SESSIONS_EACH, SESSIONS_EACH)
        ]
        for guarded, is_known in ((knowing, True), (ignorant, False)):
            for look_up in (guarded.check, guarded.has_valid_session, guarded.load_visitor):
                assert look_up(key) is is_known


def test_contestants_take_turns() -> None:
    """Each contestant is measured once a round, in changing order, after a turn for nothing."""
    asked: list[str] = []

    def contestant(name: str) -> float:
        asked.append(name)
        return len(asked)

    series = interleaved(
        {"a": lambda: contestant("a"), "b": lambda: contestant("b")},
        rounds=3,
    )
    assert "".join(asked) == "ab" + "ab" + "ba" + "ab"
    assert series["a"].values == (3, 6, 7)


def test_ratio_is_of_each_round() -> None:
    """A ratio compares what was measured in the same round."""
    ours, theirs = Series((2.0, 20.0, 3.0)), Series((1.0, 10.0, 1.0))
    assert ours.ratio_to(theirs) == 2
    assert ours.median == 3


def test_percentile() -> None:
    """A percentile is one of the values; there is none of nothing."""
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(range(100), 0.95) == 95
    assert percentile([], 0.5) == 0


def test_goals_are_told() -> None:
    """The report says of each goal whether it is met."""
    section = Section("Speed", "Ours and theirs.")
    section.goals += [at_most("time", 1.5, 1.5), at_least("rate", 0.89, 0.9)]
    lines = render_section(section)
    assert "| time | <= 1.5 x | 1.5 x | met |" in lines
    assert "| rate | >= 0.9 x | 0.89 x | **not met** |" in lines


def test_a_case_takes_the_place_of_what_stood_there() -> None:
    """The other sections stay as they are, in the order of all, and goals are counted anew."""
    order = ["Speed", "Size", "Growth"]

    def lines(title: str, value: float) -> list[str]:
        section = Section(title, "Ours and theirs.", [at_most("time", value, 1)])
        return render_section(section, f"*measured as {value}*")

    page = with_section("", "Growth", lines("Growth", 2), order)
    page = with_section(page, "Speed", lines("Speed", 2), order)
    assert "- Goals met: 0 of 2" in page
    page = with_section(page, "Speed", lines("Speed", 0.5), order)
    assert "- Goals met: 1 of 2" in page
    sections = page.split("\n## ")[1:]
    assert [one.splitlines()[0] for one in sections] == ["Speed", "Growth"]
    assert sections[1].rstrip() == "\n".join(lines("Growth", 2))[3:]
    assert "*measured as 0.5*" in sections[0]
    assert page.count("| time |") == 2


def test_figures_in_documents_are_those_that_were_measured() -> None:
    """Each table behind a mark stands line by line in the section of the results that it names."""
    sections = {
        section.splitlines()[0]: section.splitlines()
        for section in (PROJECT / "bench/RESULTS.md").read_text().split("\n## ")
    }
    rows = 0
    for document in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")]:
        for found in _MEASURED.finditer(document.read_text()):
            for row in found["table"].splitlines():
                assert row in sections[found["section"]], f"{document.name}: {row}"
                rows += 1
    assert rows
