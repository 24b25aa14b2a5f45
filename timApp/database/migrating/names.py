"""What is made of people's names and stored beside them: filled in where it is missing.

Tables are named here and not taken from the models: they are those of a migration.
"""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa

from timApp.util.errors import Conflict
from timApp.util.folded import folded
from timApp.util.lookalikes import look_of
from timApp.util.names import key_of
from timApp.util.text import quoted

#: Rows that are filled in at a time.
BATCH = 1000
#: So many names that are one are listed, or rather that are the same as others.
_LISTED_MAX = 50

_people = sa.table(
    "useraccount",
    *map(sa.column, ("id", "name", "real_name", "email", "name_key", "name_look", "search_text")),
)
_other = _people.alias("other")
_fill = (
    sa.update(_people)
    .where(
        _people.c.id == sa.bindparam("person"),
        ~sa.exists().where(_other.c.name_key == sa.bindparam("key")),
    )
    .values(
        name_key=sa.bindparam("key"),
        name_look=sa.bindparam("look"),
        search_text=sa.bindparam("search"),
    )
)


class SameNames(Conflict):
    """Several people have names that are one, as names are compared by now."""


def require_distinct_names(connection: sa.Connection) -> None:
    """Raise `SameNames` if people have names that are one, with a list of them.

    All names are read; nothing is written.
    """
    names: dict[str, list[str]] = defaultdict(list)
    for name in connection.scalars(sa.select(_people.c.name).order_by(_people.c.name)):
        names[key_of(name)].append(name)
    same = [alike for alike in names.values() if len(alike) > 1]
    if not same:
        return
    listed = [" and ".join(map(quoted, alike)) for alike in same[:_LISTED_MAX]]
    if len(same) > _LISTED_MAX:
        listed.append(f"and {len(same) - _LISTED_MAX} more")
    msg = (
        "The upgrade is not complete, since these names are one by now (capitals, width and"
        " blanks do not count): %(names)s. Decide who keeps the name, give each of the others"
        " another by `timapp user rename OLD NEW`, and run `timapp db upgrade` again."
    )
    raise SameNames(msg, names="; ".join(listed))


def fill_in_names(connection: sa.Connection) -> int:
    """Fill in what is made of the names of people who have nothing of it; return how many they are.

    A statement for each `BATCH` people, besides one that finds them. Whoever has a name that is
    somebody else's already is left out.
    """
    columns = (_people.c.id, _people.c.name, _people.c.real_name, _people.c.email)
    lacking = sa.select(*columns).where(_people.c.name_key.is_(None)).order_by(_people.c.id)
    last, filled = 0, 0
    while rows := connection.execute(lacking.where(_people.c.id > last).limit(BATCH)).all():
        filled += connection.execute(_fill, [_made_of(row) for row in rows]).rowcount
        last = rows[-1].id
    return filled


def _made_of(row: sa.Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "person": row.id,
        "key": key_of(row.name),
        "look": look_of(row.name),
        "search": folded(row.name, row.real_name, row.email),
    }
