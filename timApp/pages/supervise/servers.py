"""The page on the other servers: how the last calls to each ended, and what it is still owed."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_supervisor
from timApp.auth.site import current_site, db
from timApp.hosts.status import RECENTLY, host_statuses
from timApp.net.wrongsecret import recent_wrong_secrets
from timApp.util.clock import now

servers = Blueprint("servers", __name__, url_prefix="/supervise/servers")


@servers.get("")
def show() -> ResponseReturnValue:
    """Show how it stands with each of the other servers, and who has shown us wrong secrets."""
    verify_supervisor()
    return render_template(
        "servers.html",
        statuses=host_statuses(current_site().network, db.engine),
        wrong_secrets=recent_wrong_secrets(db.engine, now() - RECENTLY),
    )
