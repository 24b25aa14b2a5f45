"""Files of addresses and seats."""

import pytest

from timApp.guard.seats.file import FILE_MAX_BYTES, read_seats
from timApp.guard.seats.network import read_network
from timApp.util.errors import BadInput


@pytest.mark.parametrize(
    "content",
    [
        b"10.1.2.14;B-14\n10.1.3.0/24;Hall C\n",
        b"\xef\xbb\xbf10.1.2.14;B-14\r\n10.1.3.0/24;Hall C\r\n",
        b"10.1.2.14\tB-14\n10.1.3.0/24\tHall C",
        b"10.1.2.14,B-14\n10.1.3.0/24,Hall C\n",
        b'"10.1.2.14","B-14"\n"10.1.3.0/24","Hall C"\n',
        b"Address;Seat\n10.1.2.14;B-14\n10.1.3.0/24;Hall C\n",
        b"IPv4/network;Seat\n10.1.2.14;B-14\n10.1.3.0/24;Hall C\n",
        b"# of the hall\n\n 10.1.2.14 ; B-14 ;;\n  # below\n10.1.3.0/24;Hall C;\n;;\n",
        b"::ffff:10.1.2.14;B-14\n10.1.3.0/255.255.255.0;Hall C\n",
    ],
)
def test_a_file_is_read_however_it_is_written(content: bytes) -> None:
    """Delimiter, byte order mark, heading, comments, blanks and quotation marks are found out."""
    found = read_seats(content)
    assert not found.wrong
    assert found.seats == {
        read_network("10.1.2.14"): "B-14",
        read_network("10.1.3.0/24"): "Hall C",
    }


def test_a_seats_name_may_have_what_parts_columns_elsewhere() -> None:
    """With a semicolon in as many lines as a comma, the comma belongs to the names."""
    found = read_seats(b"10.1.2.14;Rivi 1, paikka 4\n10.1.2.15;Rivi 1, paikka 5")
    assert list(found.seats.values()) == ["Rivi 1, paikka 4", "Rivi 1, paikka 5"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("10.1.2.300;B-14", "'10.1.2.300' is no address and no network."),
        (
            "10.1.2.14/24;B",
            "'10.1.2.14/24' has bits beyond its prefix; the network is 10.1.2.0/24.",
        ),
        ("10.1.2.14;", "The name of the seat is missing."),
        ("10.1.2.14", "The name of the seat is missing."),
        (";B-14", "'' is no address and no network."),
        ("B-14;10.1.2.14", "The address '10.1.2.14' comes first, and then the seat."),
        ("10.1.2.14;B-14;row 2", "There are 3 columns; two are meant, address and seat."),
        (
            "10.1.2.14;" + "x" * 41,
            "The name of the seat 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' is longer than 40"
            " characters.",
        ),
        (
            "10.1.2.14;B\u202e14",
            "The name of the seat 'B\\u202e14' has a character that is not seen. Leave it out.",
        ),
        (
            "10.1.2.14;B\a14",
            "The name of the seat 'B\\x0714' has a character that is not seen. Leave it out.",
        ),
        ("10.9.9.9;again", "10.9.9.9 stands in line 1 already."),
        ("::ffff:10.9.9.9;again", "::ffff:10.9.9.9 stands in line 1 already."),
        ('10.1.2.14;"B-14', "The quotation marks do not fit together."),
    ],
)
def test_a_wrong_line_is_told_with_its_number_and_why(line: str, why: str) -> None:
    """A wrong line harms no other, and is told by its number in the file and a sentence."""
    found = read_seats(f"10.9.9.9;A-1\n\n# so far\n{line}\n10.9.9.8;A-2\n".encode())
    assert [(one.number, one.error.message) for one in found.wrong] == [(4, why)]
    assert len(found.seats) == 2


@pytest.mark.parametrize("line", ["10.1.2.300;B-14", "B-14;10.1.2.14", "fe80::x;B-14"])
def test_a_wrong_first_line_is_no_heading(line: str) -> None:
    """A first line that was to be a seat is told as wrong, and not taken for a heading."""
    found = read_seats(line.encode())
    assert [one.number for one in found.wrong] == [1]
    assert not found.has_heading


def test_what_is_no_such_text_is_refused() -> None:
    """A file in another encoding is refused with the line, and one that is too large by that."""
    with pytest.raises(BadInput, match="Line 2 is no text in UTF-8"):
        read_seats("10.1.2.14;B\n10.1.2.15;Hörsaal".encode("latin-1"))
    with pytest.raises(BadInput, match="larger than 5 MiB"):
        read_seats(b"#" * (FILE_MAX_BYTES + 1))
