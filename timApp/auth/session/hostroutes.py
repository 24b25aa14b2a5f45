"""Routes for other hosts of the site, which sign what they ask.

They are no part of the API for people's programs; see `timApp.hosts.call` for the other side.
"""

from flask import Blueprint, Response, jsonify

from timApp.auth.csrf import csrf
from timApp.auth.hostaccess import verify_signed_host
from timApp.timdb.sqa import db

hosts = Blueprint("hosts", __name__, url_prefix="/hosts")


@hosts.post("/check")
@csrf.exempt
def check() -> Response:
    """Answer that the host's secret is right, and change nothing."""
    verify_signed_host()
    db.session.commit()
    return jsonify(status="ok")
