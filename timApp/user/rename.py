"""Gives somebody another name."""

import sqlalchemy as sa

from timApp.database.textlock import lock_text
from timApp.database.work import UnitOfWork
from timApp.user.naming import name_taken, require_distinct
from timApp.user.user import User, no_user
from timApp.user.usergroup import UserGroup
from timApp.util.folded import folded
from timApp.util.lookalikes import look_of, looks_to_find
from timApp.util.names import check_new_name, key_of

_people: sa.Table = User.__table__  # type: ignore[assignment]


def rename_user(work: UnitOfWork, old: str, new: str) -> str:
    """Give a user another name, and their personal group with it; return their name of before.

    Whoever has exactly the old name is meant, or else the one whose name that is as names are
    compared. `NotFound` (field ``old``) if there is nobody; `BadInput` or `Conflict` (field
    ``name``) for a new name that nobody may be given beside those of others, as in `create_user`.
    All names are read. Tables of an older revision of the series, which lack what is made of names,
    will do as well.
    """
    check_new_name(new)
    connection = work.session.connection()
    *_, look = looks_to_find(new)
    lock_text(connection, look)
    by_age = sa.select(_people.c.id, _people.c.name).order_by(_people.c.id)
    people = connection.execute(by_age).all()
    to_the_letter = [one for one in people if one.name == old]
    alike = [one for one in people if key_of(one.name) == key_of(old)]
    person = next(iter(to_the_letter or alike), None)
    if person is None:
        raise no_user(old, "old")
    require_distinct(new, (one.name for one in people if one.id != person.id))
    is_own = UserGroup.personal_user_id == person.id
    is_others = UserGroup.personal_user_id.is_distinct_from(person.id)
    if connection.scalar(sa.select(UserGroup.id).where(UserGroup.name == new, is_others)):
        raise name_taken(new)
    made = {"name_key": key_of(new), "name_look": look_of(new)}
    texts = sa.select(_people.c.real_name, _people.c.email).where(_people.c.id == person.id)
    made["search_text"] = folded(new, *connection.execute(texts).one())
    there = {column["name"] for column in sa.inspect(connection).get_columns(_people.name)}
    values = {"name": new} | {name: text for name, text in made.items() if name in there}
    try:
        connection.execute(sa.update(_people).where(_people.c.id == person.id).values(values))
        connection.execute(sa.update(UserGroup).where(is_own).values(name=new))
    except sa.exc.IntegrityError as error:  # somebody else was faster
        raise name_taken(new) from error
    return str(person.name)
