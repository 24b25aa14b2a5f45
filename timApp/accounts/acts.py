"""What somebody does to documents, groups and rights, with the record of it."""

from collections.abc import Sequence
from typing import NamedTuple

from timApp.accounts.groups import ShownGroup, add_group, remove_group
from timApp.database.work import UnitOfWork
from timApp.document.exam import delete_document
from timApp.document.model import require_document
from timApp.guard.changes.record import record_of_people, record_of_things
from timApp.guard.exams.find import require_exam
from timApp.guard.exams.plan import plan_of
from timApp.guard.vocabulary import Action, Actor
from timApp.item.accesstype import AccessType
from timApp.item.block import grant_access, revoke_access
from timApp.user.usergroup import require_group
from timApp.util.clock import now


class Right(NamedTuple):
    """A right to a document that somebody was given, or has lost."""

    #: Of the group or the person.
    name: str
    path: str
    #: Those that were given or taken; none if there was nothing to do.
    kinds: Sequence[AccessType]
    #: Whose it is, if it is one person's.
    user_id: int | None = None


def give_right(work: UnitOfWork, path: str, name: str, kind: AccessType, actor: Actor) -> Right:
    """Give a group, or a person, a right to the document at a path; it is recorded.

    `NotFound` (field ``document`` or ``group``) for what there is not. Whoever has it already keeps
    it. Nothing is committed.
    """
    document = require_document(work, path)
    group = require_group(work, name)
    given = [kind] if grant_access(work, document.block, group, kind) else []
    right = Right(group.name, document.path, given, group.personal_user_id)
    _record_right(work, Action.GIVE_RIGHT, right, actor)
    return right


def let_sitters_view(work: UnitOfWork, path: str, title: str, actor: Actor) -> tuple[str, str]:
    """Let all groups that sit the exam of a title view a document; return its title and path.

    `NotFound` for what there is not. Nothing is committed.
    """
    exam = require_exam(work, title)
    document = require_document(work, path)
    for name in plan_of(exam).groups:
        give_right(work, document.path, name, AccessType.VIEW, actor)
    return exam.title, document.path


def take_rights(work: UnitOfWork, path: str, name: str, actor: Actor) -> Right:
    """Take all rights to the document at a path from a group, or a person; it is recorded.

    Errors are those of `give_right`; whoever has none keeps none. Nothing is committed.
    """
    document = require_document(work, path)
    group = require_group(work, name)
    had = sorted(revoke_access(work, document.block, group), key=lambda kind: kind.value)
    right = Right(group.name, document.path, had, group.personal_user_id)
    _record_right(work, Action.TAKE_RIGHTS, right, actor)
    return right


def make_group(work: UnitOfWork, name: str, actor: Actor) -> bool:
    """Make a group, as `add_group` does; return whether it is new, and then record it."""
    is_new = add_group(work, name)
    if is_new:
        record_of_things(work, actor, Action.ADD_GROUP, [name], now())
    return is_new


def drop_group(work: UnitOfWork, name: str, actor: Actor, *, with_all: bool = False) -> ShownGroup:
    """Let a group go, as `remove_group` does, and record it."""
    gone = remove_group(work, name, with_all=with_all)
    record_of_things(work, actor, Action.REMOVE_GROUP, [gone.name], now())
    return gone


def drop_document(work: UnitOfWork, path: str, actor: Actor) -> str:
    """Delete a document, as `delete_document` does, and record it; return its path."""
    deleted = delete_document(work, path).path
    record_of_things(work, actor, Action.DELETE_DOCUMENT, [deleted], now())
    return deleted


def record_saved(work: UnitOfWork, paths: Sequence[str], actor: Actor) -> None:
    """Record that there are new texts or files at these paths."""
    record_of_things(work, actor, Action.SAVE_DOCUMENT, paths, now())


def _record_right(work: UnitOfWork, action: Action, right: Right, actor: Actor) -> None:
    if not right.kinds:
        return
    text = f"{right.path}: {', '.join(kind.value for kind in right.kinds)}"
    if right.user_id is None:
        record_of_things(work, actor, action, [f"{text}, {right.name}"], now())
    else:
        # Without the name, which the person may be called by no more one day.
        record_of_people(work, actor, action, [right.user_id], text, now())
