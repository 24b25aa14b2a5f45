"""Class lists: how they are read, what they would change, and what they do."""

import csv
import io
import zipfile
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.site import Site
from tests.statements import noted_statements
from tests.workbook import xlsx
from timApp.auth.authenticate import with_hash_of_now
from timApp.auth.site import db
from timApp.user.password import hash_is_outdated, hash_password
from timApp.user.people import find_person
from timApp.user.roster.columns import Column, find_columns, places_of, unknown_columns
from timApp.user.roster.enroll import Enrolled, enroll, look_at_list
from timApp.user.roster.hashing import hash_well
from timApp.user.roster.plan import Outcome, read_entries
from timApp.user.roster.sheet import ROWS_MAX, Row, read_sheet
from timApp.user.roster.slip import made_up_password
from timApp.user.user import User
from timApp.util.clock import now
from timApp.util.errors import BadInput

TEXT = "Käyttäjätunnus;Nimi\nalva;Älva Åberg\nbo;Bo\n"


def cells(content: bytes, **said: str) -> list[list[str]]:
    """Return the cells of all rows."""
    sheet = read_sheet(content, **said)
    return [list(row.cells) for row in (sheet.heading, *sheet.rows)]


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("cp1252", b""),
    ],
)
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_csv_is_read_however_a_program_has_written_it(
    encoding: str, bom: bytes, delimiter: str, end: str
) -> None:
    """Encoding, byte order mark, delimiter and ends of lines are found out."""
    text = TEXT.replace(";", delimiter).replace("\n", end)
    assert cells(bom + text.encode(encoding)) == [
        ["Käyttäjätunnus", "Nimi"],
        ["alva", "Älva Åberg"],
        ["bo", "Bo"],
    ]


def test_what_was_found_out_can_be_said_instead() -> None:
    """Mac Roman, which nothing tells from Windows-1252, and a delimiter that is in no line."""
    assert cells(TEXT.encode("mac_roman"), encoding="mac_roman")[1] == ["alva", "Älva Åberg"]
    assert cells(TEXT.encode(), delimiter="|")[2] == ["bo;Bo"]
    for said in ({"encoding": "klingon"}, {"delimiter": "x"}):
        with pytest.raises(BadInput, match="There is no"):
            read_sheet(TEXT.encode(), **said)
    with pytest.raises(BadInput, match="Line 2 is no text in UTF-8"):
        read_sheet("name\n\xc4lva\n".encode("cp1252"), "utf-8")


def test_quotes_blank_lines_and_excels_own_line_are_understood() -> None:
    """A cell in quotes may have delimiters, quotes and line ends; numbers are those of the file."""
    text = 'sep=;\r\nname;groups\r\n\r\n"a";"x;y"\r\n;;\r\n"b ""c""";"1\r\n2"\r\n'
    sheet = read_sheet(text.encode())
    assert [(row.number, list(row.cells)) for row in sheet.rows] == [
        (4, ["a", "x;y"]),
        (6, ['b "c"', "1\r\n2"]),
    ]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1),
            min_size=2,
            max_size=4,
        ),
        min_size=2,
        max_size=5,
    )
)
def test_what_a_program_writes_is_what_is_read(rows: list[list[str]]) -> None:
    """Whatever the texts are, read with the delimiter that they were written with."""
    file = io.StringIO()
    csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows(rows)
    wanted = [[cell.strip() for cell in row] for row in rows]
    for row in wanted:
        while row and not row[-1]:
            row.pop()
    wanted = [row for row in wanted if row]
    if len(wanted) < 2 or rows[0][0].lower().startswith("sep="):
        return
    assert cells(b"\xef\xbb\xbf" + file.getvalue().encode(), delimiter=";") == wanted


def test_an_xlsx_is_read() -> None:
    """Its first sheet, numbers as people write them, without rows that have nothing."""
    content = xlsx([["Tunnus", "Luokka"], [12345, "A"], [None, None], ["bo", 7.5]])
    sheet = read_sheet(content)
    assert [list(row.cells) for row in sheet.rows] == [["12345", "A"], ["bo", "7.5"]]
    assert [row.number for row in sheet.rows] == [2, 4]
    assert sheet.read_as == "XLSX"


def packed(name: str, size: int) -> bytes:
    """Return a ZIP file with so many zeros in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, b"\0" * size)
    return file.getvalue()


def placed(rows: str) -> bytes:
    """Return an XLSX whose sheet has these rows, as they are written in it."""
    packed_as, file = zipfile.ZipFile(io.BytesIO(xlsx([["name"]]))), io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as changed:
        for name in packed_as.namelist():
            content = packed_as.read(name)
            if name.startswith("xl/worksheets/"):
                content = content.replace(b"</sheetData>", f"{rows}</sheetData>".encode())
            changed.writestr(name, content)
    return file.getvalue()


_NAME = b"xl/workbook.xml"
#: An XLSX of which some packed bytes were changed.
DAMAGED = xlsx([["name"], ["a"]]).replace(_NAME, _NAME + b"\xff" * 8, 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "nothing in the file"),
        (b"\n\n;;\n", "nothing in the file"),
        (b"name\n", "nobody in the file"),
        (b'name\n"a\n', "Line 2: the quotation marks"),
        (b"x" * (10 * 1024 * 1024 + 1), "larger than 10 MiB"),
        (b"name\n" + b"a\n" * (ROWS_MAX + 1), "more than 20000 people"),
        (b"name\n" + b"a;" * 101 + b"a\n", "Line 2 has too many columns"),
        (b"name\n" + b"a" * 1025, "Line 2 has too many columns"),
        (b"PK\x03\x04 and no more", "damaged"),
        (packed("xl/workbook.xml", 10), "damaged"),
        (DAMAGED, "damaged"),
        (packed("xl/workbook.xml", 201 * 1024 * 1024), "too large when it is unpacked"),
        (placed('<row r="999999999999"><c r="A999999999999"/></row>'), "The sheet is too large"),
        (placed('<row><c r="ZZZ1"/></row>' * 20_000), "The sheet is too large"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(content: bytes, why: str) -> None:
    """Also one that would fill the memory."""
    with pytest.raises(BadInput, match=why):
        read_sheet(content)


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        ("Username,First name,Last name,Email address", "name given_name family_name email"),
        ("Käyttäjätunnus,Etunimi,Sukunimi,Sähköposti,Ryhmä", None),
        ("Användarnamn,Förnamn,Efternamn,E-post,Grupp,Plats", None),
        ("name,real name", "name real_name"),
        ("Name,USERNAME", "real_name name"),
        ("Nimi,Tunnus,Salasana", "real_name name password"),
    ],
)
def test_columns_are_known_by_their_names_in_three_languages(
    heading: str, found: str | None
) -> None:
    """Capitals, accents and signs do not count; "name" is what no other column is."""
    columns = find_columns(Row(1, heading.split(",")))
    assert list(columns.values()) == list(range(heading.count(",") + 1))
    if found is not None:
        assert [column.value for column in columns] == found.split()


def test_columns_are_chosen_by_hand_where_they_are_not_known() -> None:
    """What is said counts before what a name means; none to log in with, or two, are refused."""
    heading = Row(1, ["Matrikel", "Nimi", "Note"])
    with pytest.raises(BadInput, match=r"No column has the names .* 'Matrikel', 'Nimi', 'Note'"):
        find_columns(heading)
    columns = find_columns(heading, {0: Column.NAME, 1: None})
    assert columns == {Column.NAME: 0}
    assert unknown_columns(heading, columns) == ["Nimi", "Note"]
    assert places_of(heading, {"Note": Column.SEAT}) == {2: Column.SEAT}
    with pytest.raises(BadInput, match="There is no column 'Other'"):
        places_of(heading, {"Other": Column.NAME})
    with pytest.raises(BadInput, match="both say the same"):
        find_columns(heading, {0: Column.NAME, 2: Column.NAME})


def carried_out(
    text: str, groups: Sequence[str] = (), *, dry_run: bool = False, renews: bool = False
) -> Enrolled:
    """Return what has come of a list, which is committed."""
    sheet = read_sheet(text.encode())
    entries = read_entries(sheet.rows, find_columns(sheet.heading), groups)
    if dry_run:
        return look_at_list(db, entries)
    done = enroll(db, entries, renews=renews)
    db.session.commit()
    return done


def outcomes(done: Enrolled) -> list[str]:
    """Return what has come of each line."""
    return [line.outcome.value for line in done.lines]


def test_people_are_added_and_brought_up_to_date(site: Site) -> None:
    """New ones log in with their slip; others keep their password; the second time all is same."""
    site.add_user("alice", ["Old"])
    text = "username;real name;email;groups;seat\nalice;Alice A;;New\nBob;Bob B;b@x;New, Retake;B-1"
    with site.app.app_context():
        assert outcomes(carried_out(text, dry_run=True)) == ["changed", "new"]
        assert find_person(db, "bob") is None
        done = carried_out(text, ["Students"])
        assert outcomes(done) == ["changed", "new"]
        alice, bob = find_person(db, "alice"), find_person(db, "bob")
        assert alice is not None
        assert bob is not None
        assert (alice.real_name, sorted(alice.groups)) == ("Alice A", ["New", "Old", "Students"])
        assert (bob.name, bob.email) == ("Bob", "b@x")
        assert sorted(bob.groups) == ["New", "Retake", "Students"]
        (slip,) = done.slips
        assert (slip.user_id, slip.seat) == (bob.id, "B-1")
        assert outcomes(carried_out(text, ["Students"])) == ["same", "same"]
    assert site.browser().log_in("bob", slip.password).status_code == 200
    assert site.browser().log_in("alice").status_code == 200
    site.add_document("exam", ["Bob"])
    assert site.browser().log_in("BOB", slip.password).status_code == 200


def test_a_wrong_line_changes_nothing(site: Site) -> None:
    """Every wrong line is told with why, and nobody of the list is added."""
    site.add_user("alice", ["Students"])
    text = (
        "username,real name,groups\ngood,Good,\n,Nameless,\nGOOD,Again,\nstudents,,\nbad\x07,,\n"
        "Students,,\n\u0430lice,,\nother,x\x07y,\nlast,,alice\n"
    )
    with site.app.app_context():
        done = carried_out(text)
        assert outcomes(done) == ["new", *["wrong"] * 2, "new", *["wrong"] * 5]
        assert [str(line.error).partition(".")[0] for line in done.wrong] == [
            "There is no name to log in with",
            "'GOOD' stands in line 2 already",
            "The name must not have control characters, nor blanks at its start or end",
            "'Students' stands in line 5 already",
            "The name '\u0430lice' looks the same as 'alice', which somebody has already; what"
            " differs is U+0430 CYRILLIC SMALL LETTER A",
            "The real name must not have control characters, nor blanks at its start or end",
            "'alice' is a user, not a group",
        ]
        assert done.slips == ()
        assert find_person(db, "good") is None
        db.session.rollback()
        taken = carried_out("username\nStudents\n")
        assert str(taken.wrong[0].error) == "A user or group named 'Students' exists already."


def test_a_password_of_the_list_counts_for_new_people_alone(site: Site) -> None:
    """Whoever is there keeps theirs, whatever the list says."""
    site.add_user("alice")
    with site.app.app_context():
        carried_out("username,password\nalice,of the list\nbob,another of the list\n")
    assert site.browser().log_in("alice").status_code == 200
    assert site.browser().log_in("bob", "another of the list").status_code == 200


def test_slips_that_were_lost_are_made_anew(site: Site) -> None:
    """For whoever has never logged in, if it is said; all others keep their passwords."""
    text = "username,seat\nalice,A-1\nbob,\ncarol,\n"
    with site.app.app_context():
        alice, bob, carol = carried_out(text).slips
        closed = db.session.get(User, carol.user_id)
        assert closed is not None
        closed.disabled_at = now()
        db.session.commit()
    assert site.browser().log_in("bob", bob.password).status_code == 200
    with site.app.app_context():
        assert carried_out(text).slips == []
        (slip,) = carried_out(text, renews=True).slips
    assert (slip.name, slip.seat) == ("alice", "A-1")
    assert site.browser().log_in("alice", alice.password).status_code == 403
    assert site.browser().log_in("alice", slip.password).status_code == 200
    assert site.browser().log_in("bob", bob.password).status_code == 200


def _hashes() -> dict[str, str]:
    query = sa.select(User.name, User.password_hash)
    return {name: known or "" for name, known in db.session.execute(query)}


def test_hashes_are_made_well_afterwards(site: Site) -> None:
    """Somebody whose password is another one by then keeps that; a login makes its own."""
    with site.app.app_context():
        done = carried_out("username\nalice\nbob\ncarol\n")
        alice, bob, carol = done.slips
        changed = db.session.get(User, bob.user_id)
        assert changed is not None
        changed.password_hash = hash_password("chosen by bob")
        db.session.commit()
    assert site.browser().log_in("carol", carol.password).status_code == 200
    with site.app.app_context():
        hashes = _hashes()
        assert [hash_is_outdated(hashes[name]) for name in ("alice", "bob", "carol")] == [
            True,
            False,
            False,
        ]
        db.session.rollback()
        hash_well(db.engine, done.slips)
        after = _hashes()
        assert not hash_is_outdated(after["alice"])
        assert (after["bob"], after["carol"]) == (hashes["bob"], hashes["carol"])
    assert site.browser().log_in("alice", alice.password).status_code == 200


def test_a_hash_made_anew_meanwhile_lets_in_who_has_that_password(site: Site) -> None:
    """So it is of two who log in at once with a quick hash; another password is told as such."""
    with site.app.app_context():
        (slip,) = carried_out("username\nalice\n").slips
        before = find_person(db, "alice")
        assert before is not None
        hash_well(db.engine, [slip])
        db.session.rollback()
        found = with_hash_of_now(before, slip.password)
        assert found is not None
        assert found.password_hash != before.password_hash
        assert with_hash_of_now(before, "another password") is None


def test_thousands_take_a_few_statements(site: Site) -> None:
    """As many for three thousand people as it takes in portions, and not one for each."""
    text = "username,groups\n" + "".join(f"student{number},Students\n" for number in range(3_000))
    with site.app.app_context(), noted_statements(site) as statements:
        done = carried_out(text)
    assert done.count(Outcome.NEW) == 3_000
    assert len(statements) < 60


def test_made_up_passwords_are_plain_and_differ() -> None:
    """No character is taken for another one."""
    made = {made_up_password() for _ in range(200)}
    assert len(made) == 200
    assert all(set(one) <= set("abcdefghjkmnpqrstuvwxyz23456789-") for one in made)
