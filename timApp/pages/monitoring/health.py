"""Whether this server is there, and whether it can do its work, for those who ask all the time.

Anybody may ask, and is told nothing but that. The front answers `/healthz` by itself in the same
words (`timApp.serve.front`).
"""

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import ServiceUnavailable

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.site import current_site
from timApp.database.readiness import OK

health = Blueprint("health", __name__)


@health.get("/healthz")
@open_to_expired_sessions
def alive() -> Response:
    """Say that the process answers; nothing else is asked."""
    return jsonify(status=OK)


@health.get("/readyz")
@open_to_expired_sessions
def ready() -> Response:
    """Say what came of each check; 503 unless all is well."""
    checks = current_site().readiness.look()
    is_ready = all(said == OK for said in checks.values())
    response = jsonify(status=OK if is_ready else "not ready", checks=checks)
    if not is_ready:
        response.status_code = ServiceUnavailable.code
    return response
