"""Who may do what, said by hand: `tests.access_table` asks the site whether it is so.

A new route has no row here until somebody says who may reach it, and the tests fail until then.
"""

from typing import Final

#: Stands for what the route answers those whom it lets in, which is said beside the route.
IN: Final = 0

#: Who asks, in the order of the columns. Those who are *blocked* have logged in, and their session
#: is expired; administrators are never held up by that. A *host* signs what it asks with the secret
#: of the hosts; the *watcher* has the token of `METRICS_TOKEN`; the *forger* comes with a cookie, a
#: token and a signature that were all made with other keys. These three have no session.
ROLES: Final = (
    "nobody",
    "student",
    "blocked student",
    "supervisor",
    "blocked supervisor",
    "administrator",
    "blocked administrator",
    "host",
    "watcher",
    "forger",
)

#: What each of them is answered where a right is wanted: 400 and 403 are refusals, 490 is the
#: blocked page.
RIGHTS: Final = {
    "anybody": (IN, IN, IN, IN, IN, IN, IN, IN, IN, IN),
    "whoever is logged in, blocked or not": (403, IN, IN, IN, IN, IN, IN, 403, 403, 403),
    "whoever is logged in": (403, IN, 490, IN, 490, IN, IN, 403, 403, 403),
    # Which is noted of administrators at their login; others are asked when it matters.
    "whoever has lately proved who they are": (403, 403, 490, 403, 490, IN, IN, 403, 403, 403),
    "whoever has the right to the document": (403, IN, 490, 403, 490, IN, IN, 403, 403, 403),
    "supervisors": (403, 403, 490, IN, 490, IN, IN, 403, 403, 403),
    "administrators": (403, 403, 490, 403, 490, IN, IN, 403, 403, 403),
    "administrators and watchers": (403, 403, 490, 403, 490, IN, IN, 403, IN, 403),
    "administrators and hosts": (403, 403, 403, 403, 403, IN, IN, IN, 403, 400),
    "hosts": (400, 400, 490, 400, 490, 400, 400, IN, 400, 400),
}

#: By the right that it wants: each route, and what it answers those whom it lets in. The requests
#: say no more than `SAID`, so that most of them find nothing to do: 404, 409, 422.
ROUTES: Final = {
    "anybody": {
        "GET /gate/blocked": 422,
        "GET /gate/envoy<rest:rest>": 403,
        "GET /gate/forward": 400,
        "GET /gate/nginx": 400,
        "GET /gate/refused": 400,
        "GET /handed-in": 422,
        "GET /header/login": 404,
        "GET /healthz": 200,
        "GET /login": 200,
        "GET /login/passkey": 403,
        "GET /lti/login": 404,
        "GET /oidc/callback": 404,
        "GET /oidc/login": 404,
        "GET /openapi.json": 200,
        "GET /.well-known/ssf-configuration": 200,
        "GET /ssf/jwks.json": 200,
        "POST /ssf/poll/<receiver>": 401,
        "GET /readyz": 200,
        "GET /seb/exam/<number>": 404,
        "GET /seb/exam/<number>/exam.seb": 404,
        "GET /seb/exam/<number>/quit": 200,
        "GET /saml/login": 404,
        "GET /saml/metadata": 404,
        "GET /user/sessions/state": 200,
        "POST /header/login": 404,
        "POST /language": 303,
        "POST /login": 302,
        "POST /login/passkey": 403,
        "POST /login/passkey/options": 403,
        "POST /logout": 200,
        "POST /lti/launch": 404,
        "POST /lti/login": 404,
        "POST /oidc/backchannel-logout": 404,
        "POST /saml/acs": 404,
    },
    "whoever is logged in, blocked or not": {
        "GET /user/sessions/current": 200,
        "POST /seb/key": 422,
    },
    "whoever is logged in": {
        "GET /": 200,
        "GET /account/passkeys": 200,
        "GET /confirm": 200,
        "GET /oidc/confirm": 404,
        "GET /hand-in": 200,
        "GET /my-password": 200,
        "GET /my-sessions": 200,
        "POST /confirm": 422,
        "POST /confirm/options": 409,
        "POST /hand-in": 409,
        "POST /my-password": 422,
        "POST /my-sessions/end": 404,
        "POST /my-sessions/end-others": 303,
    },
    "whoever has lately proved who they are": {
        "POST /account/passkeys": 422,
        "POST /account/passkeys/options": 200,
        "POST /account/passkeys/remove": 404,
        "POST /account/passkeys/rename": 422,
    },
    "whoever has the right to the document": {
        "GET /view/<path:path>": 200,
    },
    "supervisors": {
        "GET /supervise": 200,
        "GET /supervise/done": 422,
        "GET /supervise/find": 422,
        "GET /supervise/link/<token>": 422,
        "GET /supervise/person": 200,
        "GET /supervise/servers": 200,
        "GET /supervise/several": 422,
        "GET /supervise/several/done": 422,
        "GET /supervise/waiting": 200,
        "POST /supervise/end": 404,
        "POST /supervise/invalidate": 404,
        "POST /supervise/look": 200,
        "POST /supervise/pause": 404,
        "POST /supervise/retry": 404,
        "POST /supervise/several/end": 422,
        "POST /supervise/several/undo": 422,
        "POST /supervise/several/verify": 422,
        "POST /supervise/undo": 404,
        "POST /supervise/verify": 404,
    },
    "administrators": {
        "GET /administer": 200,
        "GET /administer/documents": 200,
        "GET /administer/exams/browser": 404,
        "GET /administer/exams": 200,
        "GET /administer/exams/begin": 404,
        "GET /administer/exams/change": 404,
        "GET /administer/exams/delete": 404,
        "GET /administer/exams/end": 404,
        "GET /administer/failed-logins": 200,
        "GET /administer/people": 200,
        "GET /administer/people/account": 200,
        "GET /administer/people/delete": 200,
        "GET /administer/people/export": 200,
        "GET /administer/people/import": 200,
        "GET /administer/people/import/look": 404,
        "GET /administer/people/new": 200,
        "GET /administer/person": 200,
        "GET /administer/person/passkeys": 200,
        "GET /administer/record": 200,
        "GET /administer/record/export": 200,
        "GET /administer/sessions": 200,
        "GET /administer/tokens": 200,
        "POST /administer/tokens": 422,
        "GET /administer/receivers": 200,
        "POST /administer/receivers": 422,
        "POST /administer/receivers/end": 404,
        "POST /administer/receivers/test": 404,
        "POST /administer/tokens/end": 404,
        "GET /administer/sessions/export": 200,
        "GET /administer/sessions/invalidate-all": 200,
        "GET /administer/sessions/matching": 200,
        "GET /administer/sessions/verify-all": 200,
        "GET /user/sessions/all": 200,
        "POST /administer/documents": 422,
        "POST /administer/documents/allow": 404,
        "POST /administer/documents/allow-exam": 404,
        "POST /administer/documents/delete": 404,
        "POST /administer/documents/forbid": 404,
        "POST /administer/exams": 422,
        "POST /administer/exams/begin": 404,
        "POST /administer/exams/browser/make": 404,
        "POST /administer/exams/browser/upload": 404,
        "POST /administer/exams/change": 404,
        "POST /administer/exams/delete": 404,
        "POST /administer/exams/end": 404,
        "POST /administer/people/account": 404,
        "POST /administer/people/delete": 404,
        "POST /administer/people/disable": 404,
        "POST /administer/people/enable": 404,
        "POST /administer/people/end-sessions": 404,
        "POST /administer/people/import": 422,
        "POST /administer/people/import/enroll": 404,
        "POST /administer/people/new": 422,
        "POST /administer/people/new-password": 404,
        "POST /administer/person/passkeys/remove": 404,
        "POST /administer/sessions/end": 422,
        "POST /administer/sessions/invalidate": 422,
        "POST /administer/sessions/invalidate-all": 303,
        "POST /administer/sessions/matching": 422,
        "POST /administer/sessions/verify": 422,
        "POST /administer/sessions/verify-all": 303,
        "POST /user/sessions/<name:user>/end": 200,
        "POST /user/sessions/<name:user>/invalidate": 200,
        "POST /user/sessions/<name:user>/pause": 200,
        "POST /user/sessions/<name:user>/verify": 200,
        "POST /user/sessions/invalidateAll": 200,
        "POST /user/sessions/verifyAll": 200,
    },
    "administrators and watchers": {
        "GET /metrics": 200,
    },
    "administrators and hosts": {
        "POST /user/sessions/invalidate": 200,
        "POST /user/sessions/verify": 200,
    },
    "hosts": {
        "POST /hosts/check": 200,
        "POST /hosts/sessions": 200,
        "POST /hosts/waiting": 200,
    },
}

#: What some requests say: in the address of a GET, in the form of a POST.
SAID: Final = {
    "GET /administer/people/account": "user=alice",
    "GET /administer/people/delete": "user=alice",
    "GET /administer/people/export": "user=alice",
    "GET /administer/person": "user=alice",
    "GET /administer/person/passkeys": "user=alice",
    "GET /supervise/person": "user=alice",
    "POST /hosts/sessions": "username=alice",
    "POST /language": "language=fi",
    "POST /login": "username=alice&password=correct+horse",
    "POST /supervise/look": "user=alice",
    "POST /user/sessions/invalidate": "username=alice",
    "POST /user/sessions/verify": "username=alice",
}


def rights_by_route() -> dict[str, str]:
    """Return the right that each route wants."""
    return {route: right for right, routes in ROUTES.items() for route in routes}


def statuses_of(route: str) -> tuple[int, ...]:
    """Return what each role is to be answered, in the order of `ROLES`."""
    right = rights_by_route()[route]
    inside = ROUTES[right][route]
    return tuple(inside if status == IN else status for status in RIGHTS[right])
