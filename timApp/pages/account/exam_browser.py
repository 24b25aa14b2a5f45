"""Safe Exam Browser, for those who sit an exam that asks for it: where it begins and ends."""

from flask import Response, current_app, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from timApp.auth.access import open_to_expired_sessions, verify_logged_in
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.exambrowser import exam_hosts, look_at_browser, seb_site, shown_keys
from timApp.auth.site import db
from timApp.auth.visitor import current_claims, current_visitor
from timApp.guard.exams.browser import asking_exams, file_of, shown_to, take_told
from timApp.guard.exams.find import find_exam, require_exam_by_id
from timApp.guard.rules.exambrowser import BrowserRule, KeyState, ShownKeys, judge
from timApp.guard.tables.exam import Exam, keys_of
from timApp.request.guarded import guarded_hosts
from timApp.request.inputs import read_body, takes
from timApp.user.user import id_of
from timApp.util.errors import BadInput, NotFound
from timApp.util.limits import ADDRESS_MAX
from timApp.util.origin import origin_of

exam_browser = ApiBlueprint(
    "exam_browser", __name__, url_prefix="/seb", description="Safe Exam Browser."
)
#: What systems open with Safe Exam Browser.
SEB_TYPE = "application/seb"
_TOLD = ("address", "config_key", "browser_key")


class KeyAnswer(Schema):
    """What a browser has shown."""

    #: "right", "wrong" or "none".
    state = fields.String(required=True)


@exam_browser.get("/exam/<number>")
@open_to_expired_sessions  # the browser begins there, before anybody is logged in
def show(number: str) -> ResponseReturnValue:
    """Show how the exam of that number is opened in the browser, and lead on to it from there.

    What it is called is shown to those who are logged in.
    """
    exam = _asking_exam(number)
    visitor = current_visitor()
    if visitor is None:  # as when the browser begins, which keeps no cookie of before
        keys = keys_of(exam.config_key, exam.seb_key, exam.browser_keys)
        state: KeyState | None = judge(shown_keys(None), keys)
    else:
        state = look_at_browser(visitor)
    site = seb_site(exam.title)
    return render_template(
        "seb.html",
        exam=exam,
        is_right=state is not None and state.is_right,
        start_link=site.start_link(exam.id) if site and exam.seb_key else None,
        hosts=[] if visitor is None else exam_hosts(exam.title),
    )


# Safe Exam Browser sends no cookie when it asks for it.
@exam_browser.get("/exam/<number>/exam.seb")
@open_to_expired_sessions
def send_file(number: str) -> Response:
    """Send the settings of the exam of that number; they are no secret."""
    exam = _asking_exam(number)
    content = file_of(exam)
    if content is None:
        raise NotFound("The settings of this exam are not here; ask who runs it for them.")
    response = Response(content, content_type=SEB_TYPE)
    response.headers["Content-Disposition"] = 'attachment; filename="exam.seb"'
    return response


@exam_browser.get("/exam/<number>/quit")
@open_to_expired_sessions  # whoever has handed in is logged out
def end(number: str) -> ResponseReturnValue:  # noqa: ARG001 - each exam has an address of its own
    """Be the address at which Safe Exam Browser ends; other browsers are told so."""
    return render_template("seb_quit.html")


@exam_browser.post("/key")
@exam_browser.tells(200, KeyAnswer, "What the browser has shown to the exam that asks for it.")
@exam_browser.tells(403)
@takes(form=_TOLD, json=True)
@open_to_expired_sessions  # a supervisor is to see it of those who are blocked
def tell() -> ResponseReturnValue:
    """Take what a page's script has been told by Safe Exam Browser.

    That is `config_key`, and `browser_key`, the hashes for the `address` of the page, which is one
    of this site or of a guarded host.
    """
    visitor, claims = verify_logged_in(), current_claims()
    told = read_body()
    address, *hashes = (_text(told, name) for name in _TOLD)
    if not _is_ours(address):
        raise BadInput("This is no address of this site, nor of a host that it guards.", "address")
    state = None
    if claims is not None and claims.session_id is not None:
        # By itself: what the session had before says nothing of what it shows now.
        shown = ShownKeys(address, hashes[0] or None, hashes[1] or None)
        state = shown_to(asking_exams(db, visitor.id), shown)
        if state is not None and state is not KeyState.NONE:
            state = KeyState.TOLD if state.is_right else state
            take_told(db, claims, state)
            db.session.commit()
    is_right = state is not None and state.is_right
    return jsonify(state="right" if is_right else (state or KeyState.NONE).value)


def quit_address(title: str) -> str | None:
    """Return where a page after the end of the exam of that title leads; None if to nowhere.

    That is the address in its settings, to the letter.
    """
    exam = find_exam(db, title)
    if exam is None or exam.browser is BrowserRule.NO:
        return None
    return exam.quit_address or url_for("exam_browser.end", number=exam.id, _external=True)


def _asking_exam(number: str) -> Exam:
    """Return the exam of that number; `NotFound` if it does not ask for the browser."""
    try:
        exam = require_exam_by_id(db, id_of(number) or 0)
    except NotFound:
        exam = None
    if exam is None or exam.browser is BrowserRule.NO:
        raise NotFound("There is no exam here that asks for Safe Exam Browser.")
    return exam


def _text(told: dict[str, object], name: str) -> str:
    text = told.get(name) or ""
    if not isinstance(text, str) or len(text) > ADDRESS_MAX:
        raise BadInput("%(name)s is no text, or too long.", field=name, name=name)
    return text


def _is_ours(address: str) -> bool:
    origin = origin_of(address)
    own = {origin_of(request.host_url), origin_of(current_app.config["SITE_URL"] or "")}
    is_guarded = guarded_hosts(current_app).find(address) is not None
    return origin is not None and (origin in own or is_guarded)
