"""A field in which one of some values is chosen."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from timApp.util.errors import BadInput
from timApp.util.text import quoted

_Choice = TypeVar("_Choice", bound=Enum)
_Default = TypeVar("_Default")


def read_choice(
    choices: type[_Choice],
    texts: Mapping[str, str],
    name: str,
    default: _Default,
    no_choice: str | None = None,
) -> _Choice | _Default:
    """Return the choice that a field names; `BadInput` if there is no such choice.

    The default is for an empty field, and for the text `no_choice`.
    """
    text = texts.get(name)
    if text is None or text == no_choice:
        return default
    try:
        return choices(text)
    except ValueError:
        known = [] if no_choice is None else [no_choice]
        raise BadInput(
            "%(name)s has no value %(value)s. It has: %(choices)s.",
            field=name,
            name=name,
            value=quoted(text),
            choices=", ".join([*known, *(str(choice.value) for choice in choices)]),
        ) from None
