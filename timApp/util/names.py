"""When two names of people are one, and what a new name may not be (RFC 8265, UsernameCaseMapped).

A name is shown as it was given, and compared by its key.
"""

import unicodedata

from precis_i18n import get_profile

from timApp.util.errors import BadInput
from timApp.util.text import check_text, quoted

_profile = get_profile("UsernameCaseMapped")

#: Characters that nobody sees are of this category, or those for which the profile has this reason.
_FORMAT = "Cf"
_INVISIBLE = "precis_ignorable_properties"
_DIRECTIONS = "bidi_rule"


def key_of(name: str) -> str:
    """Return what the name is compared by: two names with the same key are one.

    They may differ in capitals, width and normal form, and in blanks around the name; of several
    blanks within it, one counts. Any text has a key, also one that is no name for a new person, so
    that those who have one from before are found by it. The key of a key is the key itself.
    """
    key = _mapped(name)
    while (again := _mapped(key)) != key:
        key = again
    return key


def width_mapped(name: str) -> str:
    """Return the name with one blank where there are several, and none around it.

    Full-width and half-width characters are those of common width.
    """
    text = name if name.isascii() else _profile.width_mapping_rule(name)
    return " ".join(text.split())


def check_new_name(name: str) -> str:
    """Return the name if it may be given to somebody, else raise `BadInput` (field ``name``).

    Refused is what no line of text may have (`check_text`), and, with the reason, what RFC 8265
    does: characters that are not seen or turn the direction of writing, symbols, blanks other than
    the common one. Blanks within the name part it, and the RFC is about each part.
    """
    check_text("name", name, required=True)
    if name.isascii():  # whatever can be seen of it is fit
        return name
    for char in name:
        if unicodedata.category(char) == _FORMAT:
            raise _invisible(name, char)
    for part in name.split(" "):
        if part:
            _check_part(name, part)
    return name


def described(char: str) -> str:
    """Return a character so that a person knows which it is, seen or not."""
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()


def _mapped(name: str) -> str:
    if name.isascii():
        return " ".join(name.lower().split())
    return " ".join(
        _profile.normalization_rule(_profile.case_mapping_rule(part))
        for part in width_mapped(name).split(" ")
    )


def _check_part(name: str, part: str) -> None:
    try:
        _profile.enforce(part)
    except UnicodeEncodeError as error:
        # Of the part after it was mapped.
        char = error.object[error.start : error.start + 1]
        reason = error.reason.partition("/")[2]
        if reason == _DIRECTIONS:
            raise BadInput(
                "The name %(name)s mixes writing from right to left with writing from left to"
                " right, so that it could be read as another one. Keep to one direction.",
                field="name",
                name=quoted(name),
            ) from error
        if reason == _INVISIBLE:
            raise _invisible(name, char) from error
        raise BadInput(
            "The name %(name)s has a character that names must not have: %(char)s. Letters and"
            " digits of any script are allowed, and the signs of ASCII.",
            field="name",
            name=quoted(name),
            char=described(char) if char else reason,
        ) from error


def _invisible(name: str, char: str) -> BadInput:
    return BadInput(
        "The name %(name)s has a character that is not seen: %(char)s. Leave it out.",
        field="name",
        name=quoted(name),
        char=described(char),
    )
