"""Whether this server is there, and whether it can do its work, for those who ask all the time.

Anybody may ask, and is told nothing but that. The front answers `/healthz` by itself in the same
words (`timApp.serve.front`).
"""

from flask import Response, jsonify
from marshmallow import Schema, fields
from werkzeug.exceptions import ServiceUnavailable

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.schemas import ErrorAnswer, StatusAnswer
from timApp.auth.site import current_site
from timApp.database.readiness import OK

NOT_READY = "not ready"

health = ApiBlueprint("health", __name__, description="For programs that watch the server.")


class ReadinessAnswer(Schema):
    """What came of each check."""

    status = fields.String(required=True, metadata={"enum": [OK, NOT_READY]})
    checks = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": f"{OK}, or what is wrong, in a few words."},
    )


@health.get("/healthz")
@health.tells(200, StatusAnswer, "The process answers.")
@open_to_expired_sessions
def alive() -> Response:
    """Say that the process answers; nothing else is asked."""
    return jsonify(status=OK)


@health.get("/readyz")
@health.tells(200, ReadinessAnswer, "All is well.")
@health.tells(503, {"oneOf": [ReadinessAnswer, ErrorAnswer]}, "Not all is well.")
@open_to_expired_sessions
def ready() -> Response:
    """Say what came of each check; 503 unless all is well."""
    checks = current_site().readiness.look()
    is_ready = all(said == OK for said in checks.values())
    response = jsonify(status=OK if is_ready else NOT_READY, checks=checks)
    if not is_ready:
        response.status_code = ServiceUnavailable.code
    return response
