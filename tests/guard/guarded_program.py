"""A program of some thirty lines that `Guard` guards in process, without any web framework.

`python -m tests.guard.guarded_program DATABASE_URL` serves it and prints its port.
"""

import sys
from collections.abc import Iterable
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

from timApp.guard import (
    COOKIE_NAME,
    Action,
    Actor,
    ActorKind,
    Change,
    Guard,
    Identity,
    OnePerson,
    Standing,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

guard = Guard.at(sys.argv[1], keys=["the key of this program"])


def program(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Let people log in by their names, and answer those whose session is valid."""
    cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE_NAME)
    verdict = guard.check(cookie.value if cookie else None)
    (name,) = parse_qs(environ["QUERY_STRING"]).get("name", [""])
    status, answer, headers = "200 OK", "", [("Content-Type", "text/plain; charset=utf-8")]
    if verdict.cookie:
        headers.append(("Set-Cookie", f"{COOKIE_NAME}={verdict.cookie}; HttpOnly"))
    match environ["PATH_INFO"], verdict.standing:
        case "/login", _:
            begun = guard.begin(Identity(name, groups=frozenset({"Students"})), "a test")
            headers.append(("Set-Cookie", f"{COOKIE_NAME}={begun.cookie}; HttpOnly"))
            answer = begun.state.value
        case "/verify", _:
            person = guard.person(name)
            scope = OnePerson(name, person.id if person else None, must_be_here=True)
            receipt = guard.apply(Change(Action.VERIFY, scope, Actor(ActorKind.USER, "boss")))
            answer = str(receipt.activated)
        case "/modules", _:
            answer = " ".join(sys.modules)
        case _, Standing.VALID if verdict.visitor:
            answer = f"the exam of {verdict.visitor.name}"
        case _, standing:
            status, answer = "403 Forbidden", standing.value
    start_response(status, headers)
    return [answer.encode()]


if __name__ == "__main__":
    guard.upgrade_database()
    with make_server("127.0.0.1", 0, program) as server:
        print(server.server_port, flush=True)  # noqa: T201 - what the test waits for
        server.serve_forever()
