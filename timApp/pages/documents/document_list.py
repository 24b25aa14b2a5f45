"""The administrators' list of documents, and how files become documents."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from timApp.accounts.acts import (
    Right,
    drop_document,
    give_right,
    let_sitters_view,
    record_saved,
    take_rights,
)
from timApp.accounts.groups import all_groups
from timApp.auth.access import verify_admin
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.document.attachment import missing_in
from timApp.document.catalogue import catalogue
from timApp.document.model import SaveResult
from timApp.document.upload import (
    FILES_MAX,
    UPLOAD_MAX_BYTES,
    Saved,
    SentFile,
    save_files,
    unpacked,
)
from timApp.item.accesstype import AccessType
from timApp.request.inputs import takes
from timApp.request.large import takes_large
from timApp.ui.words import error_words
from timApp.util.errors import BadInput, TimError

document_list = Blueprint("document_list", __name__, url_prefix="/administer/documents")


@document_list.get("")
@takes(query=("find",))
def show() -> ResponseReturnValue:
    """Show the documents, those with ``find`` in path or title, and the form for files."""
    verify_admin()
    return _page()


#: Files that are named, of those that are left out or not there.
_NAMED_MAX = 5
#: Of the form beside the files: the path, the token, and a field for files that was left empty.
_OTHER_PARTS = 3


# The page that asks would not keep the files: whoever is asked sends them again.
@document_list.post("")
@asks_again(takes_proof=False)
@takes(form=("below",), repeated=("file", "folder"), files=("file", "folder"))
@takes_large(UPLOAD_MAX_BYTES, FILES_MAX + _OTHER_PARTS)
def send() -> ResponseReturnValue:
    """Save the files that were sent, all of them or nothing, and say what came of each.

    Of a ``folder`` paths begin below it, as at the command line.
    """
    verify_admin()
    sent = [
        SentFile(_path_in(file.filename) if field == "folder" else file.filename, file.read())
        for field in ("file", "folder")
        for file in request.files.getlist(field)
        if file.filename
    ]
    below = request.form.get("below", "").strip().strip("/")
    try:
        saved = save_files(db, unpacked(sent), below)
    except TimError as error:
        db.session.rollback()
        return _page(below, error=error_words(error)), error.status
    if any(one.error for one in saved):
        db.session.rollback()
        return _page(below, wrong=[one for one in saved if one.error]), BadInput.status
    record_saved(db, [one.path for one in _changed(saved)], current_actor())
    db.session.commit()
    flash(_told(saved), "success")
    _tell_of_loose_ends(saved)
    return redirect(url_for("document_list.show"), 303)


@document_list.post("/allow")
@asks_again()
@takes(form=("document", "group"))
def allow() -> ResponseReturnValue:
    """Let a group, or a person, view a document."""
    verify_admin()
    right = give_right(db, _field("document"), _field("group"), AccessType.VIEW, current_actor())
    db.session.commit()
    if right.kinds:
        flash(gettext("%(name)s may view %(path)s now.", **_words(right)), "success")
    else:
        flash(gettext("%(name)s could view %(path)s already.", **_words(right)), "info")
    return _back(right.path)


@document_list.post("/allow-exam")
@asks_again()
@takes(form=("document", "exam"))
def allow_exam() -> ResponseReturnValue:
    """Let all who sit an exam view a document; the exam says when."""
    verify_admin()
    title, path = let_sitters_view(db, _field("document"), _field("exam"), current_actor())
    db.session.commit()
    flash(gettext("Whoever sits %(exam)s may view %(path)s now.", exam=title, path=path), "success")
    return _back(path)


@document_list.post("/forbid")
@asks_again()
@takes(form=("document", "group"))
def forbid() -> ResponseReturnValue:
    """Take all rights to a document from a group, or a person."""
    verify_admin()
    right = take_rights(db, _field("document"), _field("group"), current_actor())
    db.session.commit()
    if right.kinds:
        flash(gettext("%(name)s has no right to %(path)s any more.", **_words(right)), "success")
    else:
        flash(gettext("%(name)s had no right to %(path)s.", **_words(right)), "info")
    return _back(right.path)


@document_list.post("/delete")
@asks_again()
@takes(form=("document",))
def delete() -> ResponseReturnValue:
    """Delete a document with the rights to it; one of an exam that is not over stays."""
    verify_admin()
    path = drop_document(db, _field("document"), current_actor())
    db.session.commit()
    flash(gettext("The document %(path)s is deleted.", path=path), "success")
    return redirect(url_for("document_list.show"), 303)


def _tell_of_loose_ends(saved: list[Saved]) -> None:
    """Tell of files to which no document refers, and of what documents refer to and is not here.

    Of the first ones of each by name: what is told goes by the cookie to the next page.
    """
    left_out = [one.path for one in saved if one.result is None]
    for path in left_out[:_NAMED_MAX]:
        flash(gettext("%(path)s is left out: no document refers to it.", path=path), "info")
    missing = missing_in(db, [one.path for one in saved if one.is_document])
    for document, path in missing[:_NAMED_MAX]:
        words = gettext(
            "%(document)s refers to %(path)s, which is not here. Send it, too, or mend the"
            " address.",
            document=document,
            path=path,
        )
        flash(words, "warning")
    more = len(left_out[_NAMED_MAX:]) + len(missing[_NAMED_MAX:])
    if more:
        words = ngettext(
            "%(num)s more file is left out, or not here.",
            "%(num)s more files are left out, or not here.",
            more,
        )
        flash(words, "warning")


def _path_in(path: str) -> str:
    """Return the path below the first folder of it, which is the one that somebody has chosen."""
    folder, _, rest = path.partition("/")
    return rest or folder


def _field(name: str) -> str:
    return request.form.get(name, "").strip()


def _words(right: Right) -> dict[str, str]:
    return {"name": right.name, "path": right.path}


def _back(path: str) -> ResponseReturnValue:
    return redirect(url_for("document_list.show", find=path), 303)


def _page(below: str = "", error: str | None = None, wrong: list[Saved] | None = None) -> str:
    find = request.args.get("find", "").strip()
    return render_template(
        "document_list.html",
        documents=catalogue(db, find),
        groups=[one.name for one in all_groups(db)],
        find=find,
        below=below,
        error=error,
        wrong=[(one.path, error_words(one.error)) for one in wrong or () if one.error],
    )


def _changed(saved: list[Saved]) -> list[Saved]:
    return [one for one in saved if one.result in {SaveResult.CREATED, SaveResult.CHANGED}]


def _told(saved: list[Saved]) -> str:
    changed = _changed(saved)
    documents = sum(one.is_document for one in changed)
    attachments = len(changed) - documents
    return " ".join(
        (
            ngettext(
                "%(num)s document is new or changed.",
                "%(num)s documents are new or changed.",
                documents,
            ),
            ngettext(
                "%(num)s attachment is new or changed.",
                "%(num)s attachments are new or changed.",
                attachments,
            ),
        )
    )
