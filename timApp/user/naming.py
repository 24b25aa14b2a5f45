"""Whether a name can be given to somebody, beside those that others have."""

from collections.abc import Iterable

from timApp.util.errors import Conflict
from timApp.util.lookalikes import confused
from timApp.util.names import described, key_of
from timApp.util.text import quoted


def name_taken(name: str, other: str | None = None) -> Conflict:
    """Return the error (field ``name``) for a name that a user or group has, or one that is it."""
    if other is None or other == name:
        return Conflict(
            "A user or group named %(name)s exists already.", field="name", name=quoted(name)
        )
    return Conflict(
        "The name %(name)s is the same as %(other)s, which somebody has already: capitals, width"
        " and blanks do not count.",
        field="name",
        name=quoted(name),
        other=quoted(other),
    )


def was_deleted(name: str) -> Conflict:
    """Return the error (field ``user``) for what nobody can do to an account that was deleted."""
    return Conflict(
        "The account of %(name)s was deleted; it cannot be changed or opened any more.",
        field="user",
        name=quoted(name),
    )


def name_recorded(name: str) -> Conflict:
    """Return the error (field ``name``) for the name of somebody whose account was deleted."""
    return Conflict(
        "%(name)s was somebody whose account is deleted, and the record has that name still. Give"
        " what is recorded of them a pseudonym, or choose another name.",
        field="name",
        name=quoted(name),
    )


def require_distinct(name: str, others: Iterable[str]) -> None:
    """Raise `Conflict` (field ``name``) if the name is, or looks the same as, one of the others."""
    key = key_of(name)
    for other in others:
        if key_of(other) == key:
            raise name_taken(name, other)
        char = confused(name, other)
        if char is not None:
            raise Conflict(
                "The name %(name)s looks the same as %(other)s, which somebody has already; what"
                " differs is %(char)s. Choose one that people can tell from it.",
                field="name",
                name=quoted(name),
                other=quoted(other),
                char=described(char),
            )
