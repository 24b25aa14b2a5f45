"""The administrators' list of documents, and the files that become documents."""

import stat
import tracemalloc
from datetime import timedelta
from html import unescape
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.document.exam import set_documents
from timApp.document.upload import UNPACKED_MAX_BYTES, SentFile, unpacked
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.tables.change import OF_THINGS
from timApp.util.clock import now
from timApp.util.errors import BadInput

PAGE = "/administer/documents"


@pytest.fixture
def admin(site: Site) -> Browser:
    """An administrator's browser."""
    site.add_admin()
    site.add_user("alice")
    return site.logged_in("admin")


def zipped(files: dict[str, bytes], compression: int = ZIP_DEFLATED) -> bytes:
    """Return a ZIP of files."""
    packed = BytesIO()
    with ZipFile(packed, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def zipped_twice(first: str, second: str) -> bytes:
    """Return a ZIP with two files of these names, which may be one."""
    # What writes ZIPs warns of a name that is there already.
    packed = zipped({first: b"# A", "x" * len(second): b"# B"})
    return packed.replace(b"x" * len(second), second.encode())


def zipped_link(name: str) -> bytes:
    """Return a ZIP with a symbolic link, as `zip --symlinks` makes it."""
    link = ZipInfo(name)
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    return packed.getvalue()


def damaged(archive: bytes) -> bytes:
    """Return the ZIP with a first file that cannot be unpacked."""
    at = archive.index(b"a.md") + 4
    return archive[:at] + b"\xff\xff\xff\xff" + archive[at + 4 :]


def send(
    browser: Browser, *files: tuple[str, bytes], below: str = "", field: str = "file"
) -> TestResponse:
    """Send files by the form."""
    boundary, form = encode_multipart(
        {"below": below, field: [FileStorage(BytesIO(content), name) for name, content in files]}
    )
    return browser.client.post(
        PAGE,
        data=form,
        content_type=f"multipart/form-data; boundary={boundary}",
        headers={"X-CSRFToken": browser.csrf_token, "Accept": "text/html"},
    )


def test_files_become_documents_with_their_pictures(site: Site, admin: Browser) -> None:
    """By their paths, below another one if that is said; what no document refers to is left out."""
    page = b"# Part 1\n\n![](figure.png)"
    files = (("exam/figure.png", b"PNG"), ("exam/part1.md", page), ("exam/notes.txt", b"x"))
    sent = send(admin, *files, below="2026")
    assert sent.status_code == 303
    listed = admin.get_page(PAGE).text
    for text in ("Part 1", "2026/exam/part1", "2026/exam/figure.png", "administrators alone"):
        assert text in listed
    assert "2026/exam/notes.txt is left out" in listed
    assert admin.get("/view/2026/exam/figure.png").data == b"PNG"
    assert admin.get("/view/2026/exam/notes.txt").status_code == 404


def test_what_a_document_refers_to_and_is_not_there_is_said(site: Site, admin: Browser) -> None:
    """So that no exam begins with a picture that nobody sees; what is there by now is not named."""
    page = b"![](figure.png) ![](other.png) [next](part2) [elsewhere](https://a.example/x.png)"
    files = (("exam/part1.md", page), ("exam/figure.png", b"PNG"))
    assert send(admin, *files).status_code == 303
    listed = unescape(admin.get_page(PAGE).text)
    for path in ("exam/other.png", "exam/part2"):
        assert f"exam/part1 refers to {path}, which is not here." in listed
    assert listed.count("which is not here") == 2
    assert send(admin, ("exam/part2.md", b"# Two"), ("exam/other.png", b"P")).status_code == 303
    assert "which is not here" not in admin.get_page(PAGE).text


def test_what_is_told_of_many_files_fits_into_a_cookie(site: Site, admin: Browser) -> None:
    """A browser keeps no larger one, and with it the login would be as it was before."""
    page = "".join(f"![](missing-{'x' * 50}-{number}.png)" for number in range(300))
    files = [(f"{'y' * 50}-{number}.txt", b"x") for number in range(300)]
    sent = send(admin, ("exam.md", page.encode()), *files)
    assert sent.status_code == 303
    assert max(len(cookie) for cookie in sent.headers.getlist("Set-Cookie")) < 4000
    listed = admin.get_page(PAGE).text
    assert listed.count("is left out: no document refers to it.") == 5
    assert listed.count("which is not here") == 5
    assert "590 more files are left out, or not here." in listed


def test_a_zip_is_what_is_in_it(site: Site, admin: Browser) -> None:
    """Without what is hidden in it."""
    packed = zipped({"exam/part1.md": b"# One", "__MACOSX/x.md": b"", "exam/part2.md": b"# Two"})
    assert send(admin, ("all.zip", packed)).status_code == 303
    listed = admin.get_page(PAGE).text
    assert "exam/part1" in listed
    assert "exam/part2" in listed
    assert "MACOSX" not in listed


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "Choose a file."),
        ([("x.zip", b"no ZIP")], "cannot be read"),
        ([("x.zip", damaged(zipped({"a.md": b"abc" * 999})))], "cannot be read"),
        ([("x.zip", zipped({"big.md": b"0" * 60_000_000}))], "too much at once"),
        (
            [("x.zip", zipped({f"{n}": b"" for n in range(600)}))] * 2,
            "at most 1000 files",
        ),
        ([("x.zip", zipped({"a.md": b"abc"}, ZIP_BZIP2))], "cannot be read"),
        ([("big.md", b"0" * (5 * 2**20 + 1))], "'big' is larger than 5 MiB"),
        ([("x.zip", zipped({"big.md": b"0" * (5 * 2**20 + 1)}))], "'big' is larger than 5 MiB"),
        ([("x.zip", zipped_twice("d.md", "d.md"))], "'x.zip: d.md' and 'x.zip: d.md' would both"),
        ([("x.zip", zipped_twice("d.md", "D.MD"))], "'x.zip: d.md' and 'x.zip: D.MD' would both"),
        ([("d.md", b"# D"), ("x.zip", zipped({"D.md": b"# E"}))], "'d.md' and 'x.zip: D.md' would"),
        ([("x.zip", zipped_link("way.md"))], "'way.md' in the ZIP is a symbolic link"),
        ([("x.zip", zipped({"a.md": b"# A", "../b.md": b"# B"}))], "../b"),
        ([("a.md", b"# A"), ("b.md", b"\xff\xfe")], "not UTF-8"),
        ([("a.md", b"# A"), ("b.md", b"a\0")], "NUL"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    site: Site, admin: Browser, files: list[tuple[str, bytes]], said: str
) -> None:
    """All or nothing, with each file that is at fault."""
    answer = send(admin, *files)
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert "There is no document yet." in answer.text


def test_zips_are_not_unpacked_beyond_the_limit_of_all() -> None:
    """Thirty ZIPs that are small as they are sent take no more memory than they may together."""
    packed = zipped({f"{number}.md": b"0" * 5_000_000 for number in range(10)})
    bombs = [SentFile(f"{number}.zip", packed) for number in range(30)]
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match="50 MiB in all"):
            unpacked(bombs)
        assert tracemalloc.get_traced_memory()[1] < 2 * UNPACKED_MAX_BYTES
    finally:
        tracemalloc.stop()


def test_a_zip_of_countless_empty_files_is_not_looked_at() -> None:
    """What a ZIP says of each file takes memory, hidden or not: there is a limit for that, too."""
    packed = zipped({f".{number}": b"" for number in range(10_001)})
    with pytest.raises(BadInput, match="at most 1000 files"):
        unpacked([SentFile("x.zip", packed)])


def test_an_upload_above_its_limit_is_refused_with_the_limit(site: Site, admin: Browser) -> None:
    """Without the front, too, by its length alone; and above a small one if nobody is logged in."""
    more = [(f"{number}.md", b"0" * 5_000_000) for number in range(5)]
    answer = send(admin, *more)
    assert answer.status_code == 413
    assert "at most 20 MiB are taken here at once" in answer.text
    nobody = send(site.browser(), ("a.md", b"0" * 2_000_000))
    assert nobody.status_code == 413
    assert "at most 1 MiB are taken" in nobody.text
    many = send(admin, *((f"{number}.md", b"# N") for number in range(1004)))
    assert many.status_code == 413
    assert "too many files" in many.text


def test_a_folder_of_many_files_is_sent_at_once(site: Site, admin: Browser) -> None:
    """Browsers send each as a part of the form, and there may be as many as in a ZIP."""
    files = ((f"notes/{number}.md", b"# N") for number in range(120))
    assert send(admin, *files, field="folder").status_code == 303


def test_of_a_folder_paths_begin_below_it(site: Site, admin: Browser) -> None:
    """As at the command line, so that a correction gets to the document that there is."""
    files = (("exams/physics/part1.md", b"# Part 1"), ("exams/intro.md", b"# Before"))
    assert send(admin, *files, field="folder", below="2026").status_code == 303
    listed = admin.get_page(PAGE).text
    assert "<bdi>2026/physics/part1</bdi>" in listed
    assert "<bdi>2026/intro</bdi>" in listed


def test_what_was_refused_comes_before_the_list(site: Site, admin: Browser) -> None:
    """Of many documents, too, it is seen without looking for it."""
    site.add_document("exam/one", [], "# One of many")
    answer = send(admin, ("bad.md", b"\xff"), ("good.md", b"# Good"))
    assert answer.status_code == 422
    assert answer.text.index("Nothing was saved") < answer.text.index("One of many")
    assert answer.text.count('id="folder"') == 1


def test_documents_are_found_by_path_and_title(site: Site, admin: Browser) -> None:
    """In capitals or not; who may view one, and the exam that it belongs to, stand with it."""
    site.add_document("exam/one", ["alice"], "# Groups and rings")
    site.add_document("help", [], "# Help")
    found = admin.get_page(f"{PAGE}?find=RINGS").text
    assert "exam/one" in found
    assert "alice" in found
    assert "<bdi>Help</bdi>" not in found
    assert "There is no such document." in admin.get_page(f"{PAGE}?find=nowhere").text


def test_only_administrators_see_and_send(site: Site, admin: Browser) -> None:
    """Others are refused, and change nothing."""
    alice = site.logged_in("alice")
    assert alice.get(PAGE).status_code == 403
    assert send(alice, ("a.md", b"# A")).status_code == 403
    assert "There is no document yet." in admin.get_page(PAGE).text


def recorded(site: Site) -> list[tuple[str, str | None]]:
    """Return what the record says of documents and rights."""
    return [(one.action.value, one.reason) for one in site.changes() if one.action in OF_THINGS]


def test_who_may_view_a_document_is_changed_in_its_list(site: Site, admin: Browser) -> None:
    """A group, a person, and all who sit an exam; what changes nothing is said, too."""
    site.add_document("exam/one", [], "# One")
    site.add_document("exam/two", [], "# Two")
    alice = site.logged_in("alice")
    form = {"document": "exam/one", "group": "alice"}
    assert alice.get("/view/exam/one").status_code == 403
    assert "alice may view exam/one now." in admin.decide(f"{PAGE}/allow", form).text
    assert "alice could view exam/one already." in admin.decide(f"{PAGE}/allow", form).text
    assert alice.get("/view/exam/one").status_code == 200
    gone = admin.decide(f"{PAGE}/forbid", form).text
    assert "alice has no right to exam/one any more." in gone
    assert "alice had no right to exam/one." in admin.decide(f"{PAGE}/forbid", form).text
    assert alice.get("/view/exam/one").status_code == 403
    with site.app.app_context():
        hour = timedelta(hours=1)
        exam = add_exam(db, ExamPlan("Algebra", now() - hour, now() + hour, ["alice"]))
        set_documents(db, exam, ["exam/two"])
        db.session.commit()
    said = admin.decide(f"{PAGE}/allow-exam", {"document": "exam/two", "exam": "Algebra"}).text
    assert "Whoever sits Algebra may view exam/two now." in said
    assert alice.get("/view/exam/two").status_code == 200
    assert recorded(site) == [
        ("give right", "exam/one: view"),
        ("take rights", "exam/one: view"),
        ("give right", "exam/two: view"),
    ]
    assert "Gave a right" in admin.get_page("/administer/person?user=alice&exam=").text


def test_a_document_is_deleted_unless_an_exam_needs_it(site: Site, admin: Browser) -> None:
    """Then nobody is led to it, and it is recorded who did so."""
    site.add_document("exam/one", ["alice"], "# One\n\n![](a.png)")
    deleted = admin.decide(f"{PAGE}/delete", {"document": "exam/one"}).text
    assert "The document exam/one is deleted." in deleted
    assert site.logged_in("alice").get("/view/exam/one").status_code == 404
    assert admin.post(f"{PAGE}/delete", data={"document": "exam/one"}).status_code == 404
    assert recorded(site) == [("delete document", "exam/one")]


def test_what_is_done_to_documents_is_nobodys_session(site: Site) -> None:
    """A decision can still be undone after it, and it stands in nobody's own history."""
    site.add_exam_hall()
    site.add_admin()
    admin = site.logged_in("admin")
    blocked = site.blocked()
    form = {"user": "alice", "session_id": blocked.session_id}
    done = site.logged_in("supervisor").post("/supervise/verify", data=form).location
    number = done.partition("number=")[2].partition("&")[0]
    assert send(admin, ("notes.md", b"# Notes")).status_code == 303
    admin.decide(f"{PAGE}/allow", {"document": "notes", "group": "alice"})
    admin.decide(f"{PAGE}/allow", {"document": "notes", "group": "Administrators"})
    assert recorded(site) == [
        ("save document", "notes"),
        ("give right", "notes: view"),
        ("give right", "notes: view, Administrators"),
    ]
    record = admin.get_page("/administer/record?exam=").text
    assert "Saved a document" in record
    assert "notes" in record
    assert "Saved a document" not in admin.get_page("/administer/person?user=alice&exam=").text
    undone = site.logged_in("supervisor").post(
        "/supervise/undo", data={"user": "alice", "number": number}
    )
    assert undone.status_code == 303
