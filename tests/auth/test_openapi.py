"""The OpenAPI document: who asks as it says is answered as it says, whatever they say."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from tests.databases import SQLiteDatabases
from tests.everybody import OPTIONS, Everybody
from tests.fuzz.api import fault_of, operations, requests_of
from tests.rights import ROLES, ROUTES, SAID
from tests.site import open_app
from timApp.openapi import create_described_app
from timApp.request.inputs import inputs_of
from timApp.util.limits import FORM_TYPE

#: Everything that a program may use: the document has all of it, and nothing else.
DESCRIBED = {
    "GET /",
    "GET /.well-known/ssf-configuration",
    "GET /administer/people/export",
    "GET /administer/record/export",
    "GET /administer/sessions/export",
    "GET /hand-in",
    "GET /healthz",
    "GET /login",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "GET /ssf/jwks.json",
    "GET /supervise/waiting",
    "GET /user/sessions/all",
    "GET /user/sessions/current",
    "GET /user/sessions/state",
    "GET /view/{path}",
    "POST /confirm",
    "POST /hand-in",
    "POST /hosts/check",
    "POST /hosts/sessions",
    "POST /hosts/waiting",
    "POST /login",
    "POST /logout",
    "POST /seb/key",
    "POST /supervise/look",
    "POST /user/sessions/invalidate",
    "POST /user/sessions/invalidateAll",
    "POST /user/sessions/verify",
    "POST /user/sessions/verifyAll",
    "POST /user/sessions/{user}/end",
    "POST /user/sessions/{user}/invalidate",
    "POST /user/sessions/{user}/pause",
    "POST /user/sessions/{user}/verify",
}


@pytest.fixture(scope="module")
def everybody(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Everybody]:
    """A site, and somebody of each role."""
    folder = tmp_path_factory.mktemp("described")
    with sqlite_databases.fresh() as url, open_app(url, folder, **OPTIONS) as app:
        yield Everybody(app, folder)


@pytest.fixture(scope="module")
def document(everybody: Everybody) -> dict[str, Any]:
    """The document, as a client fetches it whose session is blocked."""
    answer = everybody.ask("blocked student", "GET", "/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.text)
    return found


def test_the_document_is_valid_and_has_what_programs_may_use(document: dict[str, Any]) -> None:
    """It is OpenAPI 3.1, has each of these routes, and excuses nothing with a default answer."""
    validate(document)
    found = operations(document)
    assert set(found) == DESCRIBED
    for name, operation in found.items():
        assert "default" not in operation["responses"], name
        assert {"400", "413", "414", "422", "431", "503"} <= set(operation["responses"]), name
        assert operation["summary"], name


def test_what_is_taken_stands_in_the_document(document: dict[str, Any]) -> None:
    """Each name that a view knows, in the address or in a body, is told, and no other."""
    app = create_described_app()
    found = operations(document)
    for rule in app.url_map.iter_rules():
        known = inputs_of(app.view_functions[rule.endpoint])
        for method in rule.methods or ():
            operation = found.get(f"{method} {_template(rule.rule)}")
            if operation is None:
                continue
            told = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
            assert told == known.query, rule
            bodies = operation.get("requestBody", {}).get("content", {})
            assert set(bodies) == _kinds(known.body, known.takes_json, method), rule
            form = bodies.get(FORM_TYPE, {}).get("schema", {}).get("properties", {})
            assert set(form) == (known.body if bodies else set()), rule


def test_whatever_answers_with_json_is_described(everybody: Everybody) -> None:
    """No GET answers a program with JSON of which the document does not speak."""
    told = {name.partition(" ")[2] for name in DESCRIBED if name.startswith("GET")}
    for name in (name for routes in ROUTES.values() for name in routes):
        method, _, rule = name.partition(" ")
        path = re.sub(r"<path:path>", "exam", rule)
        if method != "GET" or "<" in path:
            continue
        answer = everybody.ask("administrator", method, path, query=SAID.get(name, ""))
        if answer.status_code < 400 and answer.mimetype != "text/html":
            assert _template(rule) in told, name


@settings(
    max_examples=2,  # of each operation as each role; `make fuzz` sends more
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_everybody_is_answered_as_the_document_says(
    everybody: Everybody, document: dict[str, Any], data: st.DataObject
) -> None:
    """No status that is not told, no failure of the server, and bodies are what they should be."""
    wrong = []
    for name, operation in operations(document).items():
        method, path, parts = data.draw(requests_of(name, operation, document))
        for role in ROLES:
            answer = everybody.ask(role, method, path, **parts)
            fault = fault_of(answer, operation, document)
            if fault:
                wrong.append(f"{name} as {role}, {path!r} {parts}: {fault}: {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


def _template(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def _kinds(body: frozenset[str], takes_json: bool, method: str) -> set[str]:
    if method != "POST" or not body:
        return set()
    return {FORM_TYPE, "application/json"} if takes_json else {FORM_TYPE}
