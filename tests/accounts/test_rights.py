"""Who may what, and groups by themselves."""

from datetime import timedelta

import pytest

from tests.site import Site
from timApp.accounts.account import require_account
from timApp.accounts.groups import add_group, all_groups, remove_group
from timApp.accounts.rights import rights_of
from timApp.auth.site import db
from timApp.document.exam import delete_document, set_documents
from timApp.document.model import require_document, save_document
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.run import begin_exam, end_exam
from timApp.guard.rules.clocks import NEVER
from timApp.guard.vocabulary import Actor, ActorKind
from timApp.item.accesstype import AccessType
from timApp.item.block import grant_access, revoke_access
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP, require_group
from timApp.util.clock import now
from timApp.util.errors import BadInput, Conflict, NotFound

BOSS = Actor(ActorKind.COMMAND_LINE, "boss")


@pytest.fixture
def school(site: Site) -> Site:
    """A site with an exam of a course, which teachers supervise, and a document of alice's."""
    site.add_user("alice", ["Course"])
    site.add_user("teacher", ["Teachers", "Course"])
    site.add_document("exam/part1", ["Course"])
    site.add_document("notes", ["alice"])
    with site.app.app_context():
        start = now() + timedelta(hours=1)
        plan = ExamPlan("Algebra", start, start + timedelta(hours=1), ["Course"], ["Teachers"])
        set_documents(db, add_exam(db, plan), ["exam/part1"])
        manage = AccessType.MANAGE
        grant_access(db, require_document(db, "notes").block, require_group(db, "Course"), manage)
        db.session.commit()
    return site


def said(user: str | None = None, path: str | None = None) -> list[tuple[str, str, str]]:
    """Return the names, rights and groups."""
    user_id = None if user is None else require_account(db, user).id
    document_id = None if path is None else require_document(db, path).id
    return [(one.name, one.right, one.group) for one in rights_of(db, user_id, document_id)]


def test_rights_are_listed_of_a_person_of_a_document_and_all(school: Site) -> None:
    """By which group each comes; exams with who sits and supervises them."""
    with school.app.app_context():
        notes = [("notes", "manage", "Course"), ("notes", "view", "alice")]
        part, exam = ("exam/part1", "view", "Course"), ("Algebra", "sit", "Course")
        supervised = ("Algebra", "supervise", "Teachers")
        assert said("alice") == [part, *notes, exam]
        assert said("teacher") == [part, notes[0], exam, supervised]
        assert said(path="notes") == notes
        assert said("teacher", "notes") == notes[:1]
        assert said() == [part, *notes, exam, supervised]


def test_what_is_taken_away_is_gone(school: Site) -> None:
    """All rights of a group to a document, and those alone."""
    with school.app.app_context():
        block, course = require_document(db, "notes").block, require_group(db, "Course")
        assert revoke_access(db, block, course) == {AccessType.MANAGE}
        assert revoke_access(db, block, course) == set()
        assert said(path="notes") == [("notes", "view", "alice")]


def test_groups_are_made_and_go(school: Site) -> None:
    """One that is in use stays unless that is taken away, too; what the site needs always stays."""
    with school.app.app_context():
        assert add_group(db, "Retake")
        assert not add_group(db, "Retake")
        for name, kind in (("alice", Conflict), ("", BadInput), ("x\n", BadInput)):
            with pytest.raises(kind):
                add_group(db, name)
        more, _ = save_document(db, "more", "# More")
        grant_access(db, more.block, require_group(db, "Retake"), AccessType.VIEW)
        shown = {one.name: (one.members, one.rights, one.exams) for one in all_groups(db)}
        assert shown["Course"] == (2, 2, 1)
        assert shown["Retake"] == (0, 1, 0)
        assert "alice" not in shown
        add_group(db, ADMIN_GROUP)
        add_group(db, SUPERVISOR_GROUP)
        for name in ("alice", ADMIN_GROUP, SUPERVISOR_GROUP, "Course"):
            with pytest.raises(Conflict):
                remove_group(db, name, with_all=True)
        with pytest.raises(NotFound):
            remove_group(db, "None", with_all=True)
        with pytest.raises(Conflict, match="rights"):
            remove_group(db, "Retake")
        assert remove_group(db, "Retake", with_all=True).rights == 1
        assert said(path="more") == []


def test_a_document_goes_with_its_rights_unless_an_exam_needs_it(school: Site) -> None:
    """While the exam is to come or runs it stays; when that is over it may go."""
    with school.app.app_context():
        with pytest.raises(NotFound):
            delete_document(db, "none")
        with pytest.raises(Conflict, match="Algebra"):
            delete_document(db, "exam/part1")
        begin_exam(db, "Algebra", BOSS, NEVER)
        with pytest.raises(Conflict, match="Algebra"):
            delete_document(db, "exam/part1")
        end_exam(db, "Algebra", BOSS)
        for path in ("exam/part1", "notes"):
            delete_document(db, path)
        db.session.commit()
        assert said() == [("Algebra", "sit", "Course"), ("Algebra", "supervise", "Teachers")]
