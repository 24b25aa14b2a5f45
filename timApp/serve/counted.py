"""Everything that the workers count, which has its place before they are forked."""

from collections.abc import Iterable
from itertools import chain

from flask import Flask

from timApp.serve.front import CREWS
from timApp.serve.http.connections import TOO_MANY
from timApp.serve.http.journal import keys_of
from timApp.serve.http.refusal import HOST, LOGINS_FULL, REASONS
from timApp.serve.reports import REPORT_TARGET
from timApp.util.measures import CONNECTIONS, HASHES, IN_FLIGHT, QUEUED, REFUSALS, TURNS
from timApp.util.tally import Key


def counted_of(app: Flask) -> Iterable[Key]:
    """Return the keys of all that is counted beside what the application counts itself."""
    routes = (
        (rule.rule, rule.methods or ())
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.endswith("static")
    )
    reported = (REPORT_TARGET.decode(), ("POST",))
    reasons = (*REASONS.values(), HOST, LOGINS_FULL, *TOO_MANY)
    return chain(
        keys_of((*routes, reported)),
        REFUSALS.keys(reasons),
        TURNS.keys(CREWS),
        QUEUED.keys(CREWS),
        (measure.key() for measure in (IN_FLIGHT, CONNECTIONS, HASHES)),
    )
