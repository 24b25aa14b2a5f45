"""The gate's addresses, and the page of whoever does not pass."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
    send_from_directory,
    session,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from timApp.auth.access import SessionExpired, open_to_expired_sessions
from timApp.auth.browser import current_place
from timApp.auth.cookie import CookieSession
from timApp.auth.exambrowser import shown_keys
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import current_standing
from timApp.document.closing import Closed
from timApp.document.exam import Gate, find_exam_gate
from timApp.gate.answer import Answer, Family, answer_of
from timApp.gate.asked import (
    ENVOY_PATH,
    FORWARD_PATH,
    NGINX_PATH,
    Asked,
    Kind,
    read_envoy,
    read_forward,
    read_nginx,
)
from timApp.gate.decision import Decision, decide
from timApp.guard.cookie import Claims
from timApp.guard.exams.browser import note_state
from timApp.guard.verdict import Standing, Verdict
from timApp.guard.visitor import Visitor
from timApp.request.environ import environ_key
from timApp.request.guarded import BLOCKED_PATH, guarded_hosts
from timApp.request.inputs import passes_on, takes
from timApp.request.peer import REPEATED
from timApp.util.errors import BadInput, NotFound

gate = Blueprint("gate", __name__)

#: What whoever does not pass is told.
_REFUSALS = {
    Decision.LOG_IN: lazy_gettext("Log in first."),
    Decision.BLOCKED: lazy_gettext("Your session is blocked until a supervisor verifies it."),
    Decision.FORBIDDEN: lazy_gettext(
        "You have no right to this address. If you should have it, tell those who run the exam"
        " site."
    ),
    Decision.CLOSED: lazy_gettext("The exam to which this address belongs is not open to you now."),
    Decision.BROWSER: lazy_gettext(
        "The exam to which this address belongs opens only in Safe Exam Browser with the settings"
        " of the exam."
    ),
    Decision.UNKNOWN: lazy_gettext(
        "This address is not among those that the exam site guards (GUARDED_HOSTS)."
    ),
    Decision.UNCLEAR: lazy_gettext(
        "The proxy does not say what it asks about; see docs/gate.md of the exam site."
    ),
}


def _asked_of(view: Callable[..., Response]) -> Callable[..., Response]:
    """Let proxies ask a view about anybody's requests: it changes nothing.

    Of whatever method they are: it comes as GET, see `timApp.request.precheck.Precheck`.
    """
    return passes_on(open_to_expired_sessions(view))


@gate.get(NGINX_PATH)
@_asked_of
def ask_for_nginx() -> Response:
    """Tell nginx whether a request may pass: 200, 401 or 403; with where to lead whoever may not.

    It takes no other status, so where a page or JSON is to be shown it asks for `refuse`.
    """
    return _answer(read_nginx(_header), Family.STATUS)


@gate.get("/gate/refused")
@_asked_of
def refuse() -> Response:
    """Answer a request that nginx was told not to let pass, in its place."""
    return _answer(read_nginx(_header), Family.WHOLE)


@gate.get(FORWARD_PATH)
@_asked_of
def ask_for_forward() -> Response:
    """Tell Caddy or Traefik whether a request may pass; what it is told otherwise is the answer."""
    return _answer(read_forward(_header), Family.WHOLE)


@gate.get(f"{ENVOY_PATH}<rest:rest>")
@_asked_of
def ask_for_envoy(rest: str) -> Response:
    """Tell Envoy whether a request may pass, whose path is behind this address."""
    # As it was sent: what is encoded in it stays so.
    target = request.environ["REQUEST_URI"]
    _, _, rest = target.partition(ENVOY_PATH)
    return _answer(read_envoy(_header, rest, request.scheme), Family.WHOLE)


@gate.get(BLOCKED_PATH)
@takes(query=("to",))
@open_to_expired_sessions
def show_blocked() -> ResponseReturnValue:
    """Show whoever is blocked why, and lead them on to the address when they are verified.

    The script for guarded pages shows it in a frame over the page, which waits by itself.
    """
    address = request.args.get("to", "")
    if guarded_hosts(current_app).find(address) is None:
        raise BadInput("This site guards no such address.", field="to")
    is_framed = request.headers.get("Sec-Fetch-Dest") == "iframe"
    match current_standing():
        case Standing.BLOCKED:
            g.leads_to = address
            raise SessionExpired
        case Standing.ANONYMOUS if not is_framed:
            return redirect(_login_address(address))
        case Standing.ANONYMOUS:
            return render_template("logged_out.html", login_url=_login_address(address))
    return "" if is_framed else redirect(address)


# By this name its answer is kept and compressed like those of other files.
@gate.get("/guard.js", endpoint="static")
def send_script() -> Response:
    """Send the script that guarded pages may include."""
    return send_from_directory(Path(__file__).parent / "static", "guard.js")


def _answer(asked: Asked | None, family: Family) -> Response:
    answer = _answered(asked, family)
    response = Response(answer.body, answer.status, answer.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def _answered(asked: Asked | None, family: Family) -> Answer:
    host = None if asked is None else guarded_hosts(current_app).find(asked.address)
    visitor = place = None
    if asked is None:
        decision = Decision.UNCLEAR
    elif host is None:
        decision = Decision.UNKNOWN
    else:
        verdict = _verdict()
        visitor = verdict.visitor
        decision = decide(host, asked.path, verdict.standing, visitor)
        if decision is Decision.ASK_EXAM and visitor is not None:
            decision, place = _ask_exam(host.exam or "", visitor, asked)
        if decision is Decision.LOG_IN:
            place = _login_address(asked.address)
        elif decision is Decision.BLOCKED:
            place = f"{_site_url()}/gate/blocked?{urlencode({'to': asked.address})}"
    text = str(_REFUSALS.get(decision, ""))
    ways_on: dict[str, str] = {}
    if asked is not None and decision in {Decision.FORBIDDEN, Decision.CLOSED}:
        ways_on = {gettext("Log in as somebody else"): _login_address(asked.address)}
    return answer_of(decision, family, asked, visitor, place, text, ways_on)


def _verdict() -> Verdict:
    cookie: CookieSession = session._get_current_object()  # type: ignore[attr-defined]
    claims = cookie.came_from
    if claims is None:
        return Verdict(Standing.ANONYMOUS)
    return current_guard().check_in_passing(claims, current_place)


def _ask_exam(title: str, visitor: Visitor, asked: Asked) -> tuple[Decision, str | None]:
    """Return what an exam says to whoever asks, and where it leads them, if anywhere.

    It is written down what their browser has shown to it, for the address in its window.
    """
    shown = shown_keys(visitor, asked.address, is_page=asked.kind is Kind.NAVIGATION)
    try:
        gate = find_exam_gate(db, title, visitor.id, shown)
    except NotFound:
        return Decision.FORBIDDEN, None
    _note_state(visitor, gate)
    if gate.closing is None:
        return Decision.PASS, None
    if gate.closing.why is Closed.BROWSER:
        return Decision.BROWSER, f"{_site_url()}/seb/exam/{gate.closing.exam.id}"
    return Decision.CLOSED, None


def _note_state(visitor: Visitor, gate: Gate) -> None:
    if gate.key_state not in {None, visitor.key_state} and visitor.session_id is not None:
        note_state(db.engine, Claims(visitor.id, visitor.session_id), gate.key_state)


def _site_url() -> str:
    site_url: str = current_app.config["SITE_URL"]
    return site_url.rstrip("/")


def _login_address(address: str) -> str:
    return f"{_site_url()}/login?{urlencode({'next': address})}"


def _header(name: str) -> str | None:
    is_repeated = environ_key(name) in request.environ.get(REPEATED, ())
    return None if is_repeated else request.headers.get(name)
