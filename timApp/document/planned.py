"""What is wrong with an exam that somebody plans: all that can be told at once."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from timApp.database.work import UnitOfWork
from timApp.document.model import require_document
from timApp.guard.exams.plan import check_times, check_title
from timApp.user.usergroup import require_group
from timApp.util.errors import TimError

#: Errors by the name of the field at fault.
Faults = dict[str, list[TimError]]


def faults_of(
    work: UnitOfWork,
    title: str,
    groups: Iterable[str],
    supervisors: Iterable[str],
    documents: Iterable[str],
    *,
    times: tuple[datetime, datetime] | None = None,
    exam_id: int | None = None,
) -> Faults:
    """Return what is wrong with the fields of an exam, each unknown name by itself.

    The fields are ``title``, ``to``, ``groups``, ``supervisors`` and ``documents``; those that are
    right are left out. `exam_id` is that of the exam which is changed. Times are of a new exam;
    None if they are not known, or are those of one that is changed.
    """
    faults: Faults = {}

    def check(field: str, what: Callable[[], object]) -> None:
        try:
            what()
        except TimError as error:
            faults.setdefault(field, []).append(error)

    check("title", partial(check_title, work, title, exam_id))
    if times is not None:
        check("to", partial(check_times, *times))
    for field, names in (("groups", groups), ("supervisors", supervisors)):
        for name in names:
            check(field, partial(require_group, work, name))
    for path in documents:
        check("documents", partial(require_document, work, path))
    return faults
