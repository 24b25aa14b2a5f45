"""Names that look the same by characters beyond ASCII, by Unicode's list of confusables (UTS 39).

What looks alike within ASCII (`l` and `1`, say) is no matter: people know that, and both can be
typed everywhere.
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cache
from importlib.resources import files

from timApp.util.names import key_of, width_mapped

#: Begins the look of a name that has characters beyond ASCII. No key begins with a blank.
_MARK = " "
#: The data has it around characters of scripts that run from right to left.
_DIRECTION = "\N{LEFT-TO-RIGHT MARK}"


def look_of(name: str) -> str:
    """Return the look of a name, which is stored to find it by, see `looks_to_find`.

    Names that are one have one look.
    """
    key = key_of(name)
    return _rough(key) if key.isascii() else _MARK + _rough(key)


def looks_to_find(name: str) -> tuple[str, ...]:
    """Return the looks that a name has if it looks the same as this one; others may have them too.

    `confused` tells. Of names in ASCII, those are not among them that are in ASCII as well.
    """
    key = key_of(name)
    rough = _rough(key)
    return (_MARK + rough,) if key.isascii() else (rough, _MARK + rough)


def confused(one: str, other: str) -> str | None:
    """Return the first character beyond ASCII by which two names look the same, in capitals or not.

    None if they do not look the same by such a character, also if they are the same.
    """
    shapes = _shape(one), _shape(other)
    if len(shapes[0]) != len(shapes[1]):
        return None
    found = None
    for pair in zip(*shapes, strict=True):
        if pair[0].lower() == pair[1].lower():
            continue
        beyond = next((char for char in pair if not char.isascii()), None)
        if beyond is None or _seen_as(pair[0]).isdisjoint(_seen_as(pair[1])):
            return None
        found = found or beyond
    return found


def _shape(name: str) -> str:
    return unicodedata.normalize("NFD", width_mapped(name))


def _rough(key: str) -> str:
    """Return the key with one character for all that may be taken for each other.

    That goes further than what looks the same: `n` is `v` here, as a Greek capital looks like the
    one and its small letter like the other.
    """
    first_of = _first_of_class()
    return "".join(first_of.get(char, char) for char in unicodedata.normalize("NFD", key))


def _seen_as(char: str) -> Set[str]:
    """Return the characters, in small letters, that a character may be taken for."""
    return {char.lower()} if char.isascii() else _lookalikes().get(char, {char.lower()})


@cache
def _lookalikes() -> Mapping[str, Set[str]]:
    """Return the characters, in small letters, that look like each character."""
    return {
        char: frozenset(one.lower() for one in alike)
        for alike in _classes(_confusables())
        for char in alike
    }


@cache
def _first_of_class() -> Mapping[str, str]:
    """Return the first of the small letters that each may be taken for, be it by their capitals."""
    pairs = ((one.lower(), other.lower()) for one, other in _confusables())
    return {char: min(alike) for alike in _classes(pairs) for char in alike}


def _classes(pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Return the sets of texts that are linked by pairs."""
    class_of: dict[str, set[str]] = {}
    for one, other in pairs:
        small, large = sorted(
            (class_of.setdefault(one, {one}), class_of.setdefault(other, {other})), key=len
        )
        if small is not large:
            large |= small
            class_of.update(dict.fromkeys(small, large))
    return list({id(alike): alike for alike in class_of.values()}.values())


def _confusables() -> Iterator[tuple[str, str]]:
    """Yield pairs of characters, or short texts, that look alike; it takes some 40 ms."""
    data = files("confusable_homoglyphs").joinpath("confusables.json").read_text("utf-8")
    for one, others in json.loads(data).items():
        for other in others:
            yield one.replace(_DIRECTION, ""), other["c"].replace(_DIRECTION, "")
