"""What a value of an option must be, in words and as an example."""

from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args


@dataclass(frozen=True)
class Must:
    """What a value of the type must be, in the words of a message: the rest of "X must ..."."""

    words: str
    #: One in JSON, if it is a list or a table: that is how the environment has it.
    example: str | None = None


def requirement(option_type: Any) -> str:
    """Return what a value of an option must be, in words.

    `option_type` is the annotation of an option in `timApp.defaultconfig`: a type of this package,
    or one of them or None.
    """
    words = _must(option_type).words
    return f"{words}, or none" if can_be_none(option_type) else words


def example_in_json(option_type: Any) -> str | None:
    """Return a value of an option as the environment has it; None if it is no list or table."""
    return _must(option_type).example


def can_be_none(option_type: Any) -> bool:
    """Tell whether an option of that annotation may be None."""
    return NoneType in _parts(option_type)


def means_none(value: object) -> bool:
    """Tell whether the value is the text that stands for None, in files and the environment."""
    return isinstance(value, str) and value.strip().lower() == "none"


def _must(option_type: Any) -> Must:
    found = [part for part in _parts(option_type) if part is not NoneType]
    return next(mark for mark in get_args(found[0]) if isinstance(mark, Must))


def _parts(option_type: Any) -> tuple[Any, ...]:
    parts = get_args(option_type)
    return parts if NoneType in parts else (option_type,)
