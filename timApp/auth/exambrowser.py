"""Safe Exam Browser, as requests come from it: what it shows, and what is written down of that."""

from urllib.parse import quote, unquote

from flask import current_app, g, has_request_context, request

from timApp.auth.site import db
from timApp.auth.visitor import Visitor, current_claims
from timApp.guard.exams.browser import asking_exams, note_state, shown_to
from timApp.guard.exams.sebfile import SebSite
from timApp.guard.rules.exambrowser import KeyState, ShownKeys
from timApp.guard.visitor import Visitor as GuardVisitor
from timApp.request.guarded import guarded_hosts
from timApp.util.errors import AccessDenied
from timApp.util.names import key_of

_CONFIG_HEADER, _BROWSER_HEADER = "X-SafeExamBrowser-ConfigKeyHash", "X-SafeExamBrowser-RequestHash"


class ExamBrowserRequired(AccessDenied):
    """Somebody who sits an exam is not in Safe Exam Browser with its settings.

    The evidence ``number`` is that of the exam.
    """


def shown_keys(
    visitor: GuardVisitor | None, address: str | None = None, *, is_page: bool = True
) -> ShownKeys:
    """Return what the browser of this request has shown.

    It is for the address in its window: that of the request, or one that a proxy has asked about.
    """
    return ShownKeys(
        window_address() if address is None else address,
        request.headers.get(_CONFIG_HEADER),
        request.headers.get(_BROWSER_HEADER),
        None if visitor is None else visitor.key_state,
        is_page,
    )


def window_address() -> str:
    """Return the address of the request as a browser has it, in the bytes that it has sent."""
    prefix = quote(request.root_path.rstrip("/"))
    target: str | None = request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI")
    if target is None:  # a server of another application, which does not say
        query = request.query_string.decode("latin-1")
        target = quote(request.path) + (f"?{query}" if query else "")
    # A proxy takes the prefix away; in another application it is still there.
    if unquote(target.partition("?")[0]) != request.path:
        prefix = ""
    return f"{request.scheme}://{request.host}{prefix}{target}"


def note_shown(visitor: Visitor, state: KeyState | None, exam_id: int | None) -> None:
    """Write down what the browser has shown to the exams that ask for it, if that is new.

    The page lets a script ask the browser for its key, unless it has shown the right one. With no
    state, as no exam asks, nothing is done.
    """
    if state is None:
        return
    if not state.is_right:
        g.asking_exam = exam_id
    claims = current_claims()
    if state is not visitor.key_state and claims is not None and claims.session_id is not None:
        note_state(db.engine, claims, state)


def look_at_browser(visitor: Visitor) -> KeyState | None:
    """Find out, write down and return what the browser shows to the exams that ask for it.

    None if no exam that runs for the visitor does.
    """
    exams = asking_exams(db, visitor.id)
    if not exams:
        return None
    state = shown_to(exams, shown_keys(visitor))
    note_shown(visitor, state, exams[0].id)
    return state


def seb_site(title: str) -> SebSite | None:
    """Return what the file of settings of the exam of that title has to know of this site.

    None at the command line if `SITE_URL` does not say where the site is. Other addresses stay open
    where people log in elsewhere, which may lead on to any host.
    """
    config = current_app.config
    base_url: str | None = config["SITE_URL"]
    if base_url is None and has_request_context():
        base_url = request.url_root
    if base_url is None:
        return None
    is_closed = not config["OIDC_ISSUER"]
    return SebSite(base_url.rstrip("/") + "/", exam_hosts(title), is_closed=is_closed)


def exam_hosts(title: str) -> list[str]:
    """Return the guarded hosts that belong to the exam of that title, by their origins."""
    key = key_of(title)
    return [
        host.origin
        for host in guarded_hosts(current_app).hosts.values()
        if host.exam is not None and key_of(host.exam) == key
    ]
