"""The links in QR codes: who waits is shown to the supervisor who has scanned one."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_supervisor
from timApp.auth.site import current_site, db
from timApp.guard.waiting.code import normal_code
from timApp.guard.waiting.codes import find_waiting
from timApp.guard.waiting.link import ExpiredLink, LinkedSession
from timApp.guard.waiting.spent import SpentLink, require_unspent
from timApp.hosts.questions.desk import look_at_desk
from timApp.hosts.questions.polling import QUESTION_TIMEOUT_MAX
from timApp.pages.supervise.console import comparison_page, console_page
from timApp.pages.supervise.scanned import comes_from_here, is_near
from timApp.request.inputs import takes
from timApp.ui.words import error_words

links = Blueprint("links", __name__, url_prefix="/supervise/link")


@links.get("/<token>")
@takes(query=("code",))
def follow(token: str) -> ResponseReturnValue:
    """Show the session that a scanned link names; nothing changes by that.

    Outside of the networks of `timApp.defaultconfig.SESSIONS_LINK_NETWORKS` the code on the screen
    has to be typed first: a picture may have been sent from anywhere. In the page for that: a code
    that stands in the picture's own address is as good as none.
    """
    visitor = verify_supervisor()
    try:
        linked = current_site().links.read(token)
        require_unspent(db, linked)
    except (ExpiredLink, SpentLink) as error:
        # The code below the picture is as good, and does not become too old.
        return console_page(visitor, error=error_words(error)), error.status
    typed = request.args.get("code") if comes_from_here() else None
    if not is_near() and (typed is None or not _is_code_of(typed, linked)):
        page = render_template("confirm_code.html", token=token, typed=typed)
        return page, 200 if typed is None else 422
    return comparison_page(visitor, linked.username, linked.session_id)


def _is_code_of(typed: str, linked: LinkedSession) -> bool:
    """Tell whether the session waits with that code, here or on another host."""
    code = normal_code(typed)
    if code is None:
        return False
    desk = look_at_desk(current_site().network, db, QUESTION_TIMEOUT_MAX)
    local = find_waiting(db, code)
    entries = [*([local] if local else []), *(one.entry for one in desk.logins if one.host)]
    return any(
        (one.code, one.user_name, one.session_id) == (code, linked.username, linked.session_id)
        for one in entries
    )
