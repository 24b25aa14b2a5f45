"""What a seat may be called."""

import unicodedata

from timApp.guard.vocabulary import SEAT_MAX_LENGTH
from timApp.util.errors import BadInput
from timApp.util.text import fits_a_line, quoted

#: Unicode's category of characters that are not seen, those that turn the direction among them.
_FORMAT = "Cf"


def seat_name(text: str) -> str:
    """Return the name of a seat, without the blanks around it.

    `BadInput` (field ``seat``) for no name, one with more than `SEAT_MAX_LENGTH` characters, and
    for one with characters that control a line, are not seen, or turn the direction of writing.
    """
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise BadInput("The name of the seat is missing.", field="seat")
    if len(name) > SEAT_MAX_LENGTH:
        raise BadInput(
            "The name of the seat %(seat)s is longer than %(num)s characters.",
            field="seat",
            seat=quoted(name),
            num=SEAT_MAX_LENGTH,
        )
    if not all(fits_a_line(char) and unicodedata.category(char) != _FORMAT for char in name):
        raise BadInput(
            "The name of the seat %(seat)s has a character that is not seen. Leave it out.",
            field="seat",
            seat=quoted(name),
        )
    return name
