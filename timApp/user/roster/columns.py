"""What the columns of a class list are, by their names in three languages or as somebody says."""

from collections.abc import Mapping, Sequence
from enum import Enum

from timApp.user.roster.sheet import Row
from timApp.util.errors import BadInput
from timApp.util.folded import folded
from timApp.util.text import quoted


class Column(Enum):
    """What a column may say of people."""

    NAME = "name"
    REAL_NAME = "real_name"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    EMAIL = "email"
    #: One group or several, parted by commas or semicolons.
    GROUPS = "groups"
    #: Is printed on the person's slip, and is not kept.
    SEAT = "seat"
    PASSWORD = "password"  # noqa: S105 - what a column is called


#: What columns are called in English, Finnish and Swedish, folded and without what parts words.
_NAMES: Mapping[Column, str] = {
    Column.NAME: (
        "username user login account userid kayttajatunnus tunnus kayttajanimi kayttaja"
        " anvandarnamn anvandare konto inloggning"
    ),
    Column.REAL_NAME: (
        "realname fullname displayname person student nimi kokonimi oikeanimi opiskelija oppilas"
        " namn fullstandigtnamn helanamnet elev"
    ),
    Column.GIVEN_NAME: (
        "givenname firstname forename etunimi etunimet kutsumanimi fornamn tilltalsnamn"
    ),
    Column.FAMILY_NAME: "familyname lastname surname sukunimi efternamn",
    Column.EMAIL: (
        "email emailaddress mail sahkoposti sahkopostiosoite epost epostadress mejl eposti"
    ),
    Column.GROUPS: (
        "group groups class course classes ryhma ryhmat luokka kurssi grupp grupper klass kurs"
    ),
    Column.SEAT: "seat place computer paikka istumapaikka kone plats dator",
    Column.PASSWORD: "password initialpassword salasana losenord",
}
#: What lists call either: the names of people, unless another column has those to log in with.
_EITHER = "name"
_COLUMN_OF = {name: column for column, names in _NAMES.items() for name in names.split()}


def places_of(heading: Row, chosen: Mapping[str, Column | None]) -> dict[int, Column | None]:
    """Return what was chosen by the heading's text, by place.

    `BadInput` (field ``columns``) for a text that is not there.
    """
    for text in chosen:
        if text not in heading.cells:
            raise BadInput("There is no column %(name)s.", field="columns", name=quoted(text))
    return {place: chosen[text] for place, text in enumerate(heading.cells) if text in chosen}


def find_columns(
    heading: Row, chosen: Mapping[int, Column | None] | None = None
) -> dict[Column, int]:
    """Return in which place each column is that a list has; others are left out.

    `chosen` says what is in a place, from 0 on, instead of what its name would mean: None for one
    that is not to be read. `BadInput` (field ``columns``) if no column has the names with which
    people log in, or if two are the same.
    """
    said = chosen or {}
    meant = [
        said[place] if place in said else column_called(text)
        for place, text in enumerate(heading.cells)
    ]
    either = Column.REAL_NAME if Column.NAME in meant else Column.NAME
    found: dict[Column, int] = {}
    for place, text in enumerate(heading.cells):
        is_either = place not in said and _plain(text) == _EITHER
        column = either if is_either else meant[place]
        if column is None:
            continue
        if column in found:
            raise BadInput(
                "The columns %(one)s and %(other)s both say the same: choose one.",
                field="columns",
                one=quoted(heading.cells[found[column]]),
                other=quoted(text),
            )
        found[column] = place
    if Column.NAME not in found:
        raise BadInput(
            "No column has the names with which people log in. The columns are: %(names)s.",
            field="columns",
            names=", ".join(quoted(one) for one in heading.cells if one),
        )
    return found


def column_called(text: str) -> Column | None:
    """Return what a column of that name says; None if that is not known."""
    return _COLUMN_OF.get(_plain(text))


def _plain(text: str) -> str:
    return "".join(char for char in folded(text) if char.isalnum())


def unknown_columns(heading: Row, found: Mapping[Column, int]) -> Sequence[str]:
    """Return the names of the columns that are not read."""
    places = set(found.values())
    return [text for place, text in enumerate(heading.cells) if text and place not in places]
