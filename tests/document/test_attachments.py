"""Pictures and files to which documents refer are guarded like these."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.site import Site
from timApp.auth.site import db
from timApp.document.attachment import save_attachment
from timApp.document.exam import set_documents
from timApp.document.importer import find_attached_files, find_markdown_files
from timApp.document.reference import references_of
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.util.clock import now

PICTURE = b"\x89PNG\r\n\x1a\n of a proof"


@pytest.fixture
def app(database_url: str, make_app: MakeApp) -> Flask:
    """A site of which one document may be read while one is blocked."""
    return make_app(database_url, SESSION_BLOCK_IGNORE_DOCUMENTS=["help"])


@pytest.fixture
def hall(site: Site) -> Site:
    """A site with an exam that has a picture, for the student alice; bob may view nothing."""
    site.add_user("alice")
    site.add_user("bob")
    site.add_admin()
    site.add_document("exam/one", ["alice"], "# One\n\n![A proof](proof.png)\n[Data](data.xyz)")
    site.add_document("help", ["alice", "bob"], "![](pictures/help.svg)")
    with site.app.app_context():
        save_attachment(db, "exam/proof.png", PICTURE)
        save_attachment(db, "exam/data.xyz", b"<script>")
        save_attachment(db, "pictures/help.svg", b"<svg/>")
        save_attachment(db, "exam/solution.png", PICTURE)
        db.session.commit()
    return site


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("![](a.png)", {"exam/a.png"}),
        ("[a](a.png?b#c) ![x](./b.png)", {"exam/a.png", "exam/b.png"}),
        ("![](../a.png) ![](sub/b.png)", {"a.png", "exam/sub/b.png"}),
        ("![](/view/a.png)", {"a.png"}),
        ("![](k%C3%A4.png) ![](two%20words.png)", {"exam/kä.png", "exam/two words.png"}),
        ("![](/a.png) ![](https://x.org/a.png) ![](//x.org/a.png) [x](#a) [y](mailto:a@b)", set()),
        ("![](../../a.png) ![](..) ![](a//b.png)", {"exam/a/b.png"}),
        ("`![](a.png)` and <img src=a.png>", set()),
    ],
)
def test_a_document_refers_to_what_its_reader_would_ask_for(source: str, found: set[str]) -> None:
    """Pictures and links of this site, relative to the document's folder."""
    assert references_of(source, "exam/one") == found


def test_an_attachment_is_open_to_whoever_may_view_a_document_with_it(hall: Site) -> None:
    """And to administrators; to nobody else, and what no document refers to is no student's."""
    alice, bob, admin = map(hall.logged_in, ("alice", "bob", "admin"))
    answer = alice.get("/view/exam/proof.png")
    assert (answer.status_code, answer.data) == (200, PICTURE)
    assert answer.content_type == "image/png"
    assert answer.headers["Cache-Control"] == "no-store"
    assert hall.browser().get("/view/exam/proof.png").status_code == 403
    assert bob.get("/view/exam/proof.png").status_code == 403
    assert alice.get("/view/exam/solution.png").status_code == 403
    assert admin.get("/view/exam/solution.png").status_code == 200
    assert alice.get("/view/exam/none.png").status_code == 404


def test_a_blocked_session_gets_the_pictures_of_what_it_may_read_alone(hall: Site) -> None:
    """Those of documents that are open to it; of the exam none, and it does not learn of any."""
    hall.logged_in("alice")
    blocked = hall.logged_in("alice")
    assert blocked.get("/view/exam/proof.png").status_code == 490
    assert blocked.get("/view/exam/none.png").status_code == 490
    assert blocked.get("/view/pictures/help.svg").status_code == 200


def test_an_exam_that_is_closed_closes_its_pictures(hall: Site) -> None:
    """They open when it begins."""
    alice = hall.logged_in("alice")
    with hall.app.app_context():
        hour = timedelta(hours=1)
        exam = add_exam(db, ExamPlan("Algebra", now() + hour, now() + 2 * hour, ["alice"]))
        set_documents(db, exam, ["exam/one"])
        db.session.commit()
        assert alice.get("/view/exam/proof.png").status_code == 403
        exam.begun_at = now()
        db.session.commit()
    assert alice.get("/view/exam/proof.png").status_code == 200


def test_no_attachment_becomes_a_page_of_the_site(hall: Site) -> None:
    """What browsers do not show by themselves they are told to save, whatever is in it."""
    alice = hall.logged_in("alice")
    answer = alice.get("/view/exam/data.xyz")
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''data.xyz"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    picture = alice.get("/view/pictures/help.svg")
    assert "default-src 'self'" in picture.headers["Content-Security-Policy"]


def test_a_folder_brings_what_its_documents_refer_to(tmp_path: Path) -> None:
    """Nothing else: not what is hidden, outside of it, or of no document."""
    folder = tmp_path / "folder"
    (folder / ".git").mkdir(parents=True)
    text = "![](a.png) ![](missing.png) ![](.git/x.png) ![](../out.png) [b](b.md) [c](c)"
    (folder / "one.md").write_text(text)
    for name in ("a.png", "b.md", "c.md", ".git/x.png", "solution.pdf", "../out.png"):
        (folder / name).write_bytes(b"x")
    files = find_markdown_files(folder)
    assert [path for path, _ in find_attached_files(folder, files)] == ["a.png"]
