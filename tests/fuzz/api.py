"""Requests as the OpenAPI document has them, or nearly so, and what is wrong with an answer.

By hand, and not with schemathesis: that brings a plugin which every run of the tests would load,
and a dozen libraries; here each request is asked as each role, and the site put back after it.
"""

import json
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from tests.everybody import SECRET
from tests.site import PASSWORD
from timApp.util.limits import FORM_TYPE

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


def _values(name: str, is_right: bool = False) -> st.SearchStrategy[str]:
    """Return what a field of that name may be given: what is there, and what nobody expects."""
    if is_right:
        return st.sampled_from(_KNOWN.get(name, [""]))
    odd = st.sampled_from(["", " ", "\0", "\ud800", "x" * 2000, "=1+1", "%2F", "\u202e", "'\""])
    fits = st.sampled_from(_KNOWN[name]) if name in _KNOWN else st.nothing()
    return fits | fits | odd | st.text(max_size=20)


@st.composite
def requests_of(
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


def fault_of(
    answer: TestResponse, operation: dict[str, Any], document: dict[str, Any]
) -> str | None:
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
