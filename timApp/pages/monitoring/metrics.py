"""Numbers for those who watch the server, in the format of Prometheus."""

import hmac
from collections.abc import Iterable

from flask import Response, current_app, request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric

from timApp.auth.access import verify_admin
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.site import Site, current_site
from timApp.pages.monitoring.exposed import metrics_of
from timApp.pages.monitoring.moment import metrics_of_moment
from timApp.request.networks import is_in_networks
from timApp.util.errors import AccessDenied

metrics = ApiBlueprint("metrics", __name__, description="Numbers of the server.")

#: An administrator, whoever has the token, or whoever asks from an address of METRICS_NETWORKS.
_WATCHERS: list[dict[str, list[str]]] = [{"session": []}, {"metricsToken": []}, {}]


class _Numbers:
    """What all processes of the server have counted, and how it stands now."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterable[Metric]:
        """Return all of it."""
        yield from metrics_of(self._site.tally.totals())
        yield from metrics_of_moment(self._site)


@metrics.get("/metrics")
@metrics.notes(security=_WATCHERS)
@metrics.tells(200, {"type": "string"}, "In Prometheus' format.", content_type="text/plain")
@metrics.tells(403)
def show() -> Response:
    """Return the numbers to an administrator, and to programs that watch the server."""
    _verify_watcher()
    numbers = generate_latest(_Numbers(current_site()))
    return Response(numbers, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _verify_watcher() -> None:
    """Raise `AccessDenied` unless whoever asks has the token, or is at one of the addresses.

    Without a token it may also be an administrator; `timApp.auth.access.LoginRequired` for nobody.
    """
    token = current_app.config["METRICS_TOKEN"]
    given = request.authorization and request.authorization.token
    if given:
        if token is None or not hmac.compare_digest(given.encode(), token.encode()):
            raise AccessDenied("This is not the token of the option METRICS_TOKEN.")
    elif not is_in_networks(request.remote_addr, current_app.config["METRICS_NETWORKS"]):
        verify_admin()
