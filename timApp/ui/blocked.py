"""The answer to an expired session: why, and what the supervisor has to scan."""

from collections.abc import Sequence

from flask import Response, current_app, jsonify, make_response, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup

from timApp.auth.access import SessionExpired
from timApp.auth.exambrowser import look_at_browser
from timApp.auth.site import current_clocks, current_site, db
from timApp.auth.visitor import Visitor, current_visitor
from timApp.database.failure import ERRORS, leave_out, only_reads
from timApp.guard.reading.device import Device, device_of
from timApp.guard.reading.heir import both_origins
from timApp.guard.vocabulary import Cause
from timApp.guard.waiting.cause import find_stopped
from timApp.guard.waiting.codes import begin_waiting
from timApp.guard.waiting.link import LINK_LIFETIME
from timApp.guard.waiting.qr import qr_svg
from timApp.request.caches import forget_pages
from timApp.request.negotiation import wants_json
from timApp.request.precheck import LOOPBACK
from timApp.ui.address import address_of_request
from timApp.ui.language import hour_text
from timApp.ui.words import explanation_words, headline_words

#: Status of an answer to an expired session. It is registered nowhere, hence the text.
SESSION_EXPIRED_STATUS = "490 Session Expired"

#: Seconds after which a page without a short code asks for one.
_RENEW_WITHOUT_CODE = 30


def answer_session_expired(_error: SessionExpired) -> Response:
    """Answer status 490: JSON for programs, for people a page with a QR code and a short code."""
    visitor, places, shown = current_visitor(), list[Device](), ""
    assert visitor is not None  # noqa: S101 - only somebody's session expires
    if visitor.session_id is None:  # the cookie is older than the tracking of sessions
        headline = gettext("Your session is expired")
        what, to_do = gettext("This login has no session."), gettext("Log out and log in again.")
        waits, seat = False, None
    else:
        stopped = find_stopped(db, visitor.id, visitor.session_id, current_clocks())
        why, seat = stopped.why, stopped.seat
        headline, what = headline_words(why), explanation_words(why)
        if why.cause is Cause.PAUSED and stopped.left_at is not None:
            left_at = hour_text(stopped.left_at)
            headline = gettext("You left the room at %(time)s", time=left_at)
            shown = gettext("Show this code when you come back.")
        waits = why.needs_supervisor
        if why.cause is Cause.COPIED:
            places = [device_of(one) for one in both_origins(db, visitor.id, visitor.session_id)]
        to_do = (
            gettext("Ask the supervisor to verify this session.")
            if waits
            else gettext("Log in again to go on.")
        )
    if wants_json():
        response = jsonify(error=f"{headline}. {what} {to_do}")
    else:
        message = shown or f"{what} {to_do}"
        response = _blocked_page(visitor, headline, message, seat, places, waits=waits)
    response.status = SESSION_EXPIRED_STATUS
    response.headers["Cache-Control"] = "no-store"
    forget_pages(response)
    return response


def _blocked_page(
    visitor: Visitor,
    headline: str,
    message: str,
    seat: str | None,
    places: Sequence[Device],
    *,
    waits: bool,
) -> Response:
    link = code = None
    # A supervisor is to see it of those who wait.
    look_at_browser(visitor)
    if waits and visitor.session_id is not None:
        link = current_site().links.address(_base_url(), visitor.name, visitor.session_id)
        code = _short_code(visitor.id, visitor.session_id)
    page = render_template(
        "blocked.html",
        headline=headline,
        message=message,
        places=places,
        user_name=visitor.name,
        real_name=visitor.real_name,
        seat=seat,
        short_code=code,
        link=link,
        qr_code=link and Markup(qr_svg(link)),  # noqa: S704 - drawn by segno
        waits=waits,
        renew_seconds=LINK_LIFETIME // 2 if code else _RENEW_WITHOUT_CODE,
        reload_url=(
            address_of_request()
            if request.method in {"GET", "HEAD"}
            else url_for("documents.index")
        ),
    )
    return make_response(page)


def _base_url() -> str:
    """Return the address of the site for a supervisor's phone.

    By the name of the machine for itself no phone reaches it; how others do is known where the
    server says so.
    """
    supervise_url: str | None = current_app.config["SESSIONS_SUPERVISE_URL"]
    if supervise_url is not None:
        return supervise_url
    reached_at: str | None = current_app.config.get("REACHED_AT")
    is_local = request.host.rpartition(":")[0] in LOOPBACK or request.host in LOOPBACK
    return reached_at if is_local and reached_at is not None else request.url_root


def _short_code(user_id: int, session_id: str) -> str | None:
    """Return the short code of a blocked session; None where the database only reads.

    That may take long, and whoever is blocked is told so all the same. A lock will pass: its error
    is raised, for the page is to be asked for again.
    """
    try:
        code = begin_waiting(db, user_id, session_id)
        db.session.commit()
    except ERRORS as error:
        if not only_reads(error):
            raise
        leave_out(db.engine, "A short code", error)
        db.session.rollback()
        return None
    return code
