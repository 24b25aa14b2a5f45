"""Exams: when they are, who sits them, who supervises them, and what counts for logins meanwhile.

Conditions on exams stand here as those on sessions do in `timApp.guard.tables.state`; the rule is
`timApp.guard.rules.exam`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model, enum_column
from timApp.guard.rules.exambrowser import BrowserRule, ExamKeys
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.vocabulary import ActorKind
from timApp.user.usergroup import ADMIN_GROUP, UserGroup, membership


def _groups_of_exams(name: str) -> sa.Table:
    return sa.Table(
        name,
        Model.metadata,
        sa.Column("exam_id", sa.ForeignKey("exam.id"), primary_key=True),
        sa.Column("usergroup_id", sa.ForeignKey("usergroup.id"), primary_key=True, index=True),
    )


#: Whose members sit an exam.
exam_groups = _groups_of_exams("examgroup")
#: Whose members supervise it.
exam_supervisors = _groups_of_exams("examsupervisors")


class Exam(Model):
    """A time in which some people may open some documents, and policies of its own count for them.

    Those who sit it are the members of its groups, but for administrators and its supervisors.
    """

    __tablename__ = "exam"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    #: As it was given.
    title: orm.Mapped[str]
    #: What the title is compared by, see `timApp.util.names.key_of`.
    title_key: orm.Mapped[str] = orm.mapped_column(unique=True)
    #: The times at which the clock begins and ends it.
    starts_at: orm.Mapped[datetime]
    ends_at: orm.Mapped[datetime] = orm.mapped_column(index=True)
    #: When somebody began it by hand and who; None if nobody did. The same of its end.
    begun_at: orm.Mapped[datetime | None]
    begun_by: orm.Mapped[str | None]
    begun_by_kind: orm.Mapped[ActorKind | None] = orm.mapped_column(enum_column(ActorKind))
    ended_at: orm.Mapped[datetime | None]
    ended_by: orm.Mapped[str | None]
    ended_by_kind: orm.Mapped[ActorKind | None] = orm.mapped_column(enum_column(ActorKind))

    over_limit: orm.Mapped[OverLimit] = orm.mapped_column(enum_column(OverLimit))
    after_end: orm.Mapped[AfterEnd] = orm.mapped_column(enum_column(AfterEnd))
    device: orm.Mapped[DeviceRule] = orm.mapped_column(enum_column(DeviceRule))

    #: Whether it asks for Safe Exam Browser, and how that shows that it has the exam's settings.
    browser: orm.Mapped[BrowserRule] = orm.mapped_column(
        enum_column(BrowserRule), default=BrowserRule.NO, server_default=BrowserRule.NO.value
    )
    #: The key of settings that are not here; None if there are none.
    config_key: orm.Mapped[str | None]
    #: Those of the builds that may be used, one a line; empty: any.
    browser_keys: orm.Mapped[str] = orm.mapped_column(default="", server_default=sa.text("''"))
    #: The file of settings in Base64, its key, and the address that ends the browser, if there is
    #: one.
    seb_file: orm.Mapped[str | None] = orm.mapped_column(deferred=True)
    seb_key: orm.Mapped[str | None]
    quit_address: orm.Mapped[str | None]

    groups: orm.Mapped[list[UserGroup]] = orm.relationship(
        secondary=exam_groups, order_by=UserGroup.name
    )
    supervisors: orm.Mapped[list[UserGroup]] = orm.relationship(
        secondary=exam_supervisors, order_by=UserGroup.name
    )

    @property
    def policy(self) -> Policy:
        """What counts for logins of those who sit it."""
        return Policy(self.over_limit, self.after_end, self.device)

    @property
    def keys(self) -> ExamKeys:
        """What Safe Exam Browser has to show."""
        return keys_of(self.config_key, self.seb_key, self.browser_keys)


def keys_of(config_key: str | None, seb_key: str | None, browser_keys: str) -> ExamKeys:
    """Return the keys that stand in these columns."""
    known = tuple(key for key in (config_key, seb_key) if key)
    return ExamKeys(known, tuple(browser_keys.split()))


def starts() -> sa.ColumnElement[datetime]:
    """Return when an exam begins, as `timApp.guard.rules.exam.start_of` does."""
    return sa.case((Exam.begun_at < Exam.starts_at, Exam.begun_at), else_=Exam.starts_at)


#: The order of exams that run; of those of a person, the last one counts.
EARLIEST_FIRST: Sequence[Any] = (starts(), Exam.id)


def runs(moment: sa.ColumnElement[datetime]) -> sa.ColumnElement[bool]:
    """Return the condition that an exam runs at that moment, as `phase_of` says."""
    has_begun = sa.or_(Exam.begun_at.is_not(None), Exam.starts_at <= moment)
    return sa.and_(Exam.ends_at > moment, Exam.ended_at.is_(None), has_begun)


def sits(user_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition that the person sits an exam."""
    is_admin = (
        sa.exists()
        .where(
            membership.c.user_id == user_id,
            UserGroup.id == membership.c.usergroup_id,
            UserGroup.name == ADMIN_GROUP,
            UserGroup.personal_user_id.is_(None),
        )
        .correlate_except(membership, UserGroup)
    )
    return sa.and_(sits_unless_admin(user_id), ~is_admin)


def sits_unless_admin(user_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition that the person sits an exam, unless they are an administrator."""
    return sa.and_(_is_in(exam_groups, user_id), ~_is_in(exam_supervisors, user_id))


def people_of(exam_id: int) -> sa.Select[int]:
    """Return the query for the ids of those who sit the exam; some may come more than once."""
    member = membership.alias()
    return (
        sa.select(member.c.user_id)
        .join(exam_groups, exam_groups.c.usergroup_id == member.c.usergroup_id)
        .join(Exam, Exam.id == exam_groups.c.exam_id)
        .where(Exam.id == exam_id, sits(member.c.user_id))
    )


def supervises(user_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition that the person is among those who supervise an exam."""
    return _is_in(exam_supervisors, user_id)


def _is_in(groups: sa.Table, user_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return (
        sa.exists()
        .where(
            groups.c.exam_id == Exam.id,
            membership.c.usergroup_id == groups.c.usergroup_id,
            membership.c.user_id == user_id,
        )
        .correlate_except(groups, membership)
    )
