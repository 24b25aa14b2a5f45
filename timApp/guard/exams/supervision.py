"""Those who supervise an exam, and what they can do there."""

from collections.abc import Sequence

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.tables.exam import Exam
from timApp.user.user import User
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP, UserGroup, membership


def those_who_verify_nobody(work: UnitOfWork, exam: Exam) -> Sequence[str]:
    """Return the names, in order, of the exam's supervisors who may verify nobody on this site.

    An exam gives that right to nobody: it is that of `Session supervisors` and administrators.
    """
    among = [group.id for group in exam.supervisors]
    may_verify = (
        sa.select(membership.c.user_id)
        .join(UserGroup, UserGroup.id == membership.c.usergroup_id)
        .where(UserGroup.name.in_((ADMIN_GROUP, SUPERVISOR_GROUP)))
    )
    query = (
        sa.select(User.name)
        .join(membership, membership.c.user_id == User.__table__.c.id)
        .where(membership.c.usergroup_id.in_(among), User.id.not_in(may_verify))
        .distinct()
        .order_by(User.name)
    )
    return work.session.scalars(query).all()
