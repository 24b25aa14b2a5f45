"""Who has which person open, for other supervisors to know."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.engine import begin_write
from timApp.database.model import conflict_insert
from timApp.database.work import UnitOfWork
from timApp.guard.tables.look import Look
from timApp.user.user import User
from timApp.util.clock import CLOCK_LEEWAY, now

#: A page that has not said so for so long is closed. It says so every 5 seconds.
LOOK_PATIENCE = timedelta(seconds=15)


def note_look(work: UnitOfWork, supervisor_id: int, user_id: int) -> None:
    """Note that the supervisor has the person open now, as they may have had before.

    What they had open and have closed since is dropped. Nothing is committed.
    """
    moment = now()
    begin_write(work.session.connection())
    work.session.execute(
        sa.delete(Look).where(Look.supervisor_id == supervisor_id, sa.not_(_is_open(moment)))
    )
    row = {"supervisor_id": supervisor_id, "user_id": user_id, "at": moment}
    insert = conflict_insert(work.session.connection(), Look)
    work.session.execute(
        insert.values(row).on_conflict_do_update(
            index_elements=[Look.supervisor_id, Look.user_id], set_={"at": moment}
        )
    )


def drop_look(work: UnitOfWork, supervisor_id: int, user_id: int) -> None:
    """Note that the supervisor has the person open no more; if they had not, nothing changes.

    A page of the person that they have open in another window says so again. Nothing is committed.
    """
    work.session.execute(
        sa.delete(Look).where(Look.supervisor_id == supervisor_id, Look.user_id == user_id)
    )


def who_looks_at(work: UnitOfWork, names: Collection[str], but: int) -> Mapping[str, list[str]]:
    """Return who else has these people open, by the names of the people; see `note_look`.

    Supervisors are named as they are shown, in the order of these names; the one with the id `but`
    is left out. People whom nobody has open are left out. It is one look-up, and none without a
    name.
    """
    if not names:
        return {}
    supervisor = orm.aliased(User)
    shown = sa.func.coalesce(sa.func.nullif(supervisor.real_name, ""), supervisor.name)
    query = (
        sa.select(User.name, shown)
        .join(Look, Look.user_id == User.id)
        .join(supervisor, supervisor.id == Look.supervisor_id)
        .where(User.name.in_(names), Look.supervisor_id != but, _is_open(now()))
        .order_by(shown)
    )
    found: dict[str, list[str]] = {}
    for name, opener in work.session.execute(query):
        found.setdefault(name, []).append(opener)
    return found


def _is_open(moment: datetime) -> sa.ColumnElement[bool]:
    # What was noted before a clock was set back is closed, too.
    return sa.and_(Look.at > moment - LOOK_PATIENCE, Look.at <= moment + CLOCK_LEEWAY)
