"""The OpenAPI document: who asks as it says is answered as it says, whatever they say.

By hand, and not with schemathesis: that brings a plugin which every run of the tests would load,
and a dozen libraries; here each request is asked as each role, and the site put back after it.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from werkzeug.test import TestResponse

from tests.databases import SQLiteDatabases
from tests.everybody import OPTIONS, SECRET, Everybody
from tests.rights import ROLES, ROUTES, SAID
from tests.site import PASSWORD, open_app
from timApp.openapi import create_described_app
from timApp.request.inputs import inputs_of
from timApp.util.limits import FORM_TYPE

#: A few requests of each operation as each role; `make fuzz` sends more, and others each time.
_IS_LONG = settings().max_examples > 100
_EXAMPLES = settings().max_examples // 40

#: Everything that a program may use: the document has all of it, and nothing else.
DESCRIBED = {
    "GET /",
    "GET /administer/record/export",
    "GET /administer/sessions/export",
    "GET /hand-in",
    "GET /healthz",
    "GET /login",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
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
#: What some fields may hold, so that more than refusals is met.
_KNOWN: dict[str, list[str]] = {
    "user": ["alice", "student", "nobody there"],
    "username": ["alice", "student", "administrator"],
    "path": ["exam", "none", "../exam", "/"],
    "password": [PASSWORD, "wrong"],
    "secret": [SECRET, "wrong"],
    "format": ["csv", "json", "excel"],
    "state": ["all", "active", "expired"],
    "since": ["2026-05-04T09:30", "today"],
    "sort": ["newest", "person"],
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


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations by method and path, each with the parameters of its path."""
    return {
        f"{method.upper()} {path}": {
            **operation,
            "parameters": [*operation.get("parameters", []), *item.get("parameters", [])],
        }
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


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
    max_examples=_EXAMPLES,
    derandomize=not _IS_LONG,
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
        method, path, parts = data.draw(_requests(name, operation, document))
        for role in ROLES:
            answer = everybody.ask(role, method, path, **parts)
            fault = _fault(answer, operation, document)
            if fault:
                wrong.append(f"{name} as {role}, {path!r} {parts}: {fault}: {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


def _template(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def _kinds(body: frozenset[str], takes_json: bool, method: str) -> set[str]:
    if method != "POST" or not body:
        return set()
    return {FORM_TYPE, "application/json"} if takes_json else {FORM_TYPE}


def _values(name: str, is_right: bool = False) -> st.SearchStrategy[str]:
    """Return what a field of that name may be given: what is there, and what nobody expects."""
    if is_right:
        return st.sampled_from(_KNOWN.get(name, [""]))
    odd = st.sampled_from(["", " ", "\0", "\ud800", "x" * 2000, "=1+1", "%2F", "\u202e", "'\""])
    fits = st.sampled_from(_KNOWN[name]) if name in _KNOWN else st.nothing()
    return fits | fits | odd | st.text(max_size=20)


@st.composite
def _requests(
    draw: st.DrawFn, name: str, operation: dict[str, Any], document: dict[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    """Draw a request of an operation: half of them right, the others anything."""
    method, _, path = name.partition(" ")
    is_right = not draw(st.booleans())  # the first example is the plainest one
    texts: dict[str, str] = {}
    for one in operation["parameters"]:
        if one["in"] == "path":
            text = draw(_values(one["name"], is_right).filter(_goes_into_path))
            path = path.replace(f"{{{one['name']}}}", quote(text, safe="/", errors="replace"))
        elif draw(st.integers(0, 3)) == 3:
            texts[one["name"]] = draw(_values(one["name"], is_right))
    if not is_right and draw(st.integers(0, 5)) == 5:
        texts["surplus"] = "x"
    parts: dict[str, Any] = {"query": urlencode(texts, errors="replace")}
    if method == "GET":
        return method, path, parts
    contents = operation.get("requestBody", {}).get("content", {})
    others = ["application/json", "text/plain", ""]
    kind = draw(st.sampled_from([*contents] or [""] if is_right else [*contents, *others]))
    schema = _resolved(contents.get(kind, {}).get("schema", {}), document)
    said: dict[str, Any] = {
        one: draw(_values(one, is_right))
        for one in schema.get("properties", {})
        if one in schema.get("required", ()) or one == "username" or draw(st.booleans())
    }
    if kind == FORM_TYPE:
        body = urlencode(said, errors="replace").encode()
    elif kind == "application/json":
        if said and not is_right and draw(st.integers(0, 4)) == 0:
            said[draw(st.sampled_from(sorted(said)))] = draw(
                st.none() | st.booleans() | st.integers() | st.just([]) | st.just({})
            )
        bodies = [json.dumps(said).encode()] * 6 + [b"{", b"[]", b'"x"']
        body = bodies[0] if is_right else draw(st.sampled_from(bodies))
    else:
        body = b"" if is_right else draw(st.sampled_from([b"", b"surplus"]))
    return method, path, parts | {"body": body, "content_type": kind or None}


def _goes_into_path(text: str) -> bool:
    return text not in {"", ".", ".."} and "\0" not in text


def _resolved(found: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in found:
        target: Any = document
        for key in found["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        found = target
    return found


def _fault(answer: TestResponse, operation: dict[str, Any], document: dict[str, Any]) -> str | None:
    """Return what of an answer is not as the document has it; None if nothing is."""
    told = operation["responses"].get(str(answer.status_code))
    if told is None:
        return f"the status {answer.status_code} is not told"
    if answer.status_code >= 500:
        return f"the server failed with {answer.status_code}"
    content = _resolved(told, document).get("content")
    if content is None:
        return None
    if answer.mimetype not in content:
        return f"{answer.status_code} is {answer.mimetype}"
    if answer.mimetype != "application/json":
        return None
    schema = {**content[answer.mimetype]["schema"], "components": document["components"]}
    error = next(Draft202012Validator(schema).iter_errors(answer.json), None)
    return None if error is None else f"{answer.status_code}: {error.message}"
