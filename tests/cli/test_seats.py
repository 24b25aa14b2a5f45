"""`timapp seat`, and the seats of `timapp session list`."""

from pathlib import Path

import pytest

from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.site import Site


@pytest.fixture
def timapp(database_url: str, tmp_path: Path) -> CommandLine:
    """The command line on a fresh database of each kind."""
    return CommandLine(database_url, tmp_path)


def listed(timapp: CommandLine) -> list[str]:
    """Return the lines of the list."""
    return timapp.done("seat", "list").splitlines()


def test_seats_are_imported_and_listed(timapp: CommandLine, tmp_path: Path) -> None:
    """An import replaces what was there, says how, and can be tried first; a list is one again."""
    file = tmp_path / "seats.csv"
    file.write_text("Address;Seat\n10.1.2.14;B-14\n10.1.2.9;B-9\n10.1.3.0/24;Hall C\n")
    counts = "3 addresses and networks at 3 seats: 3 new, 0 changed, 0 the same, 0 gone.\n"
    tried = timapp.done("seat", "import", str(file), "--dry-run")
    assert tried == f"{counts}Nothing was changed.\n"
    assert listed(timapp) == []
    assert timapp.done("seat", "import", str(file)) == counts
    assert listed(timapp) == ["10.1.2.9\tB-9", "10.1.2.14\tB-14", "10.1.3.0/24\tHall C"]
    again = timapp.done(
        "seat", "import", "-", stdin="10.1.2.14;B-14\n10.1.2.9;B-10\n10.1.2.10;B-10"
    )
    assert again == ("3 addresses and networks at 2 seats: 1 new, 1 changed, 1 the same, 1 gone.\n")
    same = timapp.done("seat", "import", "-", stdin=timapp.done("seat", "list"))
    assert same.endswith("0 new, 0 changed, 3 the same, 0 gone.\n")
    assert timapp.done("seat", "import", "-", stdin="address;seat\n").endswith(" 3 gone.\n")


def test_an_import_is_in_the_record(
    timapp: CommandLine, database_url: str, make_app: MakeApp
) -> None:
    """With how many addresses it is about; not one that changes nothing."""
    for _ in range(2):
        timapp.done("seat", "import", "-", stdin="10.1.2.14;B-14\n10.1.2.9;B-9")
    done = Site(make_app(database_url)).changes()
    assert [(one.action.value, one.reason) for one in done] == [
        ("save seats", "2 new, 0 changed, 0 gone")
    ]


def test_wrong_lines_are_told_and_nothing_is_imported(timapp: CommandLine) -> None:
    """Each wrong line is one on standard error, with its number and why; then nothing changes."""
    timapp.done("seat", "import", "-", stdin="10.1.2.14;B-14")
    result = timapp("seat", "import", "-", stdin="10.1.2.14;B-1\n10.1.2.300;B-2\n10.1.2.1;\n")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Line 2: '10.1.2.300' is no address and no network.",
        "Line 3: The name of the seat is missing.",
        "Error: 2 lines are wrong; nothing was changed.",
    ]
    many = timapp("seat", "import", "-", stdin="x;y\n" * 61)
    assert "And 10 more lines." in many.stderr
    assert listed(timapp) == ["10.1.2.14\tB-14"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "There are no seats in the file, nor a heading; nothing was changed."),
        (b"# nothing\n\n", "There are no seats in the file, nor a heading; nothing was changed."),
        (b"10.1.2.14;H\xf6rsaal", "Line 1 is no text in UTF-8; save the file as CSV in UTF-8."),
    ],
)
def test_a_file_that_is_none_is_refused(timapp: CommandLine, content: bytes, why: str) -> None:
    """An empty file, or one that is no text, takes nothing away."""
    timapp.done("seat", "import", "-", stdin="10.1.2.14;B-14")
    assert timapp.refused("seat", "import", "-", stdin=content) == f"Error: {why}"
    assert listed(timapp) == ["10.1.2.14\tB-14"]


def test_a_kiosks_links_are_printed(timapp: CommandLine, make_app: MakeApp) -> None:
    """The link of each seat is a line, and the site takes it; a seat beside the list is noted."""
    timapp.env |= {"TIM_SITE_URL": "https://exam.example.org/tim", "TIM_SECRET_KEY": "k" * 20}
    (line,) = timapp.done("seat", "link", " B-14 ").splitlines()
    seat, address = line.split("\t")
    assert seat == "B-14"
    assert address.startswith("https://exam.example.org/tim/?seat=B-14&signature=")
    site = Site(make_app(timapp.env["TIM_DATABASE_URL"], SECRET_KEY="k" * 20))
    assert site.browser().get(f"/?{address.partition('?')[2]}").status_code == 302
    timapp.done("seat", "import", "-", stdin="10.1.2.14;B-14\n10.1.2.15;B-9\n::14;B-14")
    names = [line.partition("\t")[0] for line in timapp.done("seat", "link", "--all").splitlines()]
    assert names == ["B-9", "B-14"]
    result = timapp("seat", "link", "b-9", "Z-1")
    assert result.exit_code == 0
    assert result.stderr == "Note: the seat Z-1 is not in the list.\n"


def test_links_that_cannot_be_made_are_refused(timapp: CommandLine) -> None:
    """Without the site's address, a seat or a list, there is no link, and it is said why."""
    assert timapp.refused("seat", "link", "B-14").startswith("Error: SITE_URL is not set")
    timapp.env["TIM_SITE_URL"] = "https://exam.example.org"
    assert timapp.refused("seat", "link", "--all") == "Error: There are no seats in the list."
    assert timapp.refused("seat", "link", "B\u202e14").endswith("Leave it out.")
    timapp.refused("seat", "link", code=2)
    timapp.refused("seat", "link", "B-14", "--all", code=2)


def test_sessions_are_listed_with_their_seats(timapp: CommandLine, make_app: MakeApp) -> None:
    """The last column is the seat, by which the list can be narrowed down."""
    timapp.done("seat", "import", "-", stdin="127.0.0.1;B-14")
    site = Site(make_app(timapp.env["TIM_DATABASE_URL"]))
    site.add_user("alice")
    site.logged_in("alice")
    site.add_user("bob")
    browser = site.browser()
    browser.client.environ_base["REMOTE_ADDR"] = "10.9.9.9"
    browser.log_in("bob")
    rows = [line.split("\t") for line in timapp.done("session", "list").splitlines()]
    assert [(row[0], row[6]) for row in rows] == [("alice", "B-14"), ("bob", "")]
    (only,) = timapp.done("session", "list", "--seat", "b-14").splitlines()
    assert only.startswith("alice\t")
    assert timapp.done("session", "list", "--seat", "C-3") == ""
    assert timapp.refused("session", "list", "--seat", " ").endswith("seat is missing.")
