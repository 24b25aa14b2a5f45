"""Routes for other hosts of the site, which sign what they ask.

They are no part of the API for people's programs; see `timApp.net.call` for the other side.
"""

from flask import Response, jsonify

from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.csrf import csrf
from timApp.auth.schemas import HostPersonArgs, StatusAnswer
from timApp.auth.site import current_clocks, db
from timApp.guard.reading.sessions import session_summaries
from timApp.guard.waiting.codes import waiting_sessions
from timApp.hosts.access import verify_signed_host
from timApp.hosts.questions.answers import PersonAnswer, WaitingAnswer
from timApp.hosts.questions.wire import MAX_WAITING, person_as_json, waiting_as_json
from timApp.user.user import require_user

hosts = ApiBlueprint(
    "hosts", __name__, url_prefix="/hosts", description="Questions of other hosts, signed."
)

#: They show no cookie, and sign what they ask: RFC 9421 with HMAC-SHA256.
_SIGNED: list[dict[str, list[str]]] = [{"hostSignature": []}]


@hosts.post("/check")
@hosts.notes(security=_SIGNED)
@hosts.tells(200, StatusAnswer, "The secret is right.")
@hosts.tells(429)
@csrf.exempt
def check() -> Response:
    """Answer that the host's secret is right, and change nothing."""
    _verify_host()
    return jsonify(status="ok")


@hosts.post("/waiting")
@hosts.notes(security=_SIGNED)
@hosts.tells(200, WaitingAnswer, "Who waits.")
@hosts.tells(429)
@csrf.exempt
def waiting() -> Response:
    """Answer who waits here: the longest first, at most `MAX_WAITING`."""
    _verify_host()
    return jsonify(waiting=waiting_as_json(waiting_sessions(db, MAX_WAITING)))


@hosts.post("/sessions")
@hosts.notes(security=_SIGNED)
@hosts.tells(200, PersonAnswer, "The person and their sessions.")
@hosts.tells(404)
@hosts.tells(429)
@hosts.arguments(HostPersonArgs, location="body", as_kwargs=True)
@csrf.exempt
def sessions(username: str, session_id: str | None = None) -> Response:
    """Answer a person's real name and sessions; 404 if there is nobody of that name here.

    The JSON object in the body has the ``username``, and may have the ``session_id`` of a session
    that is to be among the answer's, which are not all that there are.
    """
    _verify_host()
    user = require_user(db, username, field="username")
    summaries = session_summaries(db, user.id, session_id, current_clocks())
    return jsonify(person_as_json(user.real_name, summaries))


def _verify_host() -> None:
    verify_signed_host()
    db.session.commit()  # the number of the request, which counts once whatever it asks
