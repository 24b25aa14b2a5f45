"""The OpenAPI document: every route that a program may use, and every status that it can answer.

What a view says of itself (`timApp.auth.blueprint.ApiBlueprint.tells`) is completed by what all
have in common: statuses, names that are taken, and what proves who asks. Pages are not in it.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from apispec import BasePlugin
from flask import Flask, Response, json
from flask_smorest import Api
from werkzeug.routing import Rule

from timApp.auth.access import is_open_to_expired_sessions, open_to_expired_sessions
from timApp.auth.bearer import scope_of_view
from timApp.auth.blueprint import SESSION_EXPIRED, ApiBlueprint, name_of_status
from timApp.auth.csrf import csrf
from timApp.auth.login import login
from timApp.auth.schemas import ErrorAnswer
from timApp.auth.session.routes import sessions
from timApp.document.routes import documents
from timApp.hosts.questions.routes import hosts
from timApp.pages.account.confirm import confirm
from timApp.pages.account.exam_browser import exam_browser
from timApp.pages.account.hand_in import hand_in
from timApp.pages.administer.record import record
from timApp.pages.administer.session_list import session_list
from timApp.pages.monitoring.health import health
from timApp.pages.monitoring.metrics import metrics
from timApp.pages.people.acts import person_acts
from timApp.pages.supervise.console import supervise
from timApp.receivers.routes import signals
from timApp.request.converter import NameConverter
from timApp.request.inputs import inputs_of
from timApp.util.limits import FORM_TYPE

openapi = ApiBlueprint("openapi", __name__, description="This document.")

_OPTIONS = {"API_TITLE": "timApp", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}
_JSON = "application/json"
#: What the errors mean, by status.
_ERRORS = {
    400: "The request cannot be read, its token (X-CSRFToken) or its signature is missing or wrong,"
    " or it is for a host that this site is not called.",
    401: "The token of the program is not known here, or was ended.",
    403: "Nobody is logged in, or whoever is has no right to this.",
    404: "What is named is not there; `field` says which.",
    409: "It does not fit with what is there already; nothing was changed.",
    413: "The body holds more than anybody has reason to send.",
    414: "The address is too long.",
    415: "The body is neither JSON nor a form.",
    422: "Something that was said is not known here, or is wrong; `fields` or `field` says which.",
    429: "Too many wrong passwords or secrets came; ask again after the seconds of Retry-After.",
    431: "The headers are too long, or too many.",
    490: "The session of the cookie is expired: blocked until a supervisor verifies it.",
    503: "The database does not answer, or too many wait; ask again after Retry-After.",
}
_WITH_RETRY = (429, 503)
#: What any request may be answered, as it is looked at before anybody knows whom it is for.
_ANY = (400, 413, 414, 422, 431, 503)
_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "timapp",
        "description": "The cookie of the login; sites can call it otherwise, and over HTTPS its"
        " name begins with `__Host-` or `__Secure-`.",
    },
    "csrfToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "The `csrfToken` of the login's answer.",
    },
    "hostSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "RFC 9421 with HMAC-SHA256 and the secret of the hosts, see docs/hosts.md.",
    },
    "apiToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of an administrator's (*Tokens of programs*, `timapp token add`)"
        " with the scope that is said, or a wider one: read, verify, admin.",
    },
    "metricsToken": {"type": "http", "scheme": "bearer", "description": "`METRICS_TOKEN`."},
}


@openapi.get("/openapi.json")
@openapi.tells(200, {"type": "object"}, "This document.")
@open_to_expired_sessions
def openapi_document() -> Response:
    """Return the document, which is the same for everybody."""
    return Response(_document(), mimetype=_JSON)


_BLUEPRINTS = (
    login,
    confirm,
    sessions,
    documents,
    hand_in,
    exam_browser,
    supervise,
    record,
    person_acts,
    session_list,
    hosts,
    signals,
    health,
    metrics,
    openapi,
)


class _Api(Api):
    """The API, whose errors are those of the whole application."""

    # Every status is said: one for all the rest would excuse anything.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Leave errors to the application's own handlers."""

    def _register_responses(self) -> None:
        for status, description in _ERRORS.items():
            content = {_JSON: {"schema": ErrorAnswer}}
            response: dict[str, Any] = {"description": description, "content": content}
            if status in _WITH_RETRY:
                response["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
            self.spec.components.response(name_of_status(status), response, lazy=True)
        for name, scheme in _SCHEMES.items():
            self.spec.components.security_scheme(name, scheme)


class _Completion(BasePlugin):
    """Adds to what a view says of itself what its marks say."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def operation_helper(
        self,
        path: str | None = None,  # noqa: ARG002
        operations: dict[str, Any] | None = None,
        *,
        rule: Rule | None = None,
        **_options: Any,
    ) -> None:
        """Complete what is said of the methods of a path, in place."""
        if rule is None or operations is None:
            return
        view = self._app.view_functions[rule.endpoint]
        for method, operation in operations.items():
            for status in _statuses(view, method):
                operation["responses"].setdefault(status, name_of_status(status))
            _add_names(view, method, operation)
            if "security" not in operation:
                operation["security"] = _security(view, method, operation["responses"])


def create_described_app() -> Flask:
    """Return an application that has the routes and their description, and serves nobody.

    To describe routes takes as long as all the rest of making an application, so that those which
    serve leave it until somebody asks.
    """
    app = Flask(__name__)
    app.config.from_mapping(_OPTIONS)
    app.url_map.converters["name"] = NameConverter
    api = _Api(app, spec_kwargs={"extra_plugins": [_Completion(app)]})
    for blueprint in _BLUEPRINTS:
        api.register_blueprint(blueprint)
    return app


@cache
def _document() -> str:
    api = create_described_app().extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return json.dumps(api.spec.to_dict(), indent=2, sort_keys=False)


def _statuses(view: Callable[..., object], method: str) -> Iterator[int]:
    yield from _ANY
    if not is_open_to_expired_sessions(view):
        yield SESSION_EXPIRED
    if method == "post" and inputs_of(view).body:
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if scope_of_view(view) is not None:
        yield HTTPStatus.UNAUTHORIZED


def _add_names(view: Callable[..., object], method: str, operation: dict[str, Any]) -> None:
    """Add what the view takes and its description does not speak of: texts, none of them needed."""
    known = inputs_of(view)
    parameters = operation.setdefault("parameters", [])
    told = {one.get("name") for one in parameters if isinstance(one, Mapping)}
    parameters += [
        {"in": "query", "name": name, "schema": {"type": "string"}, "required": False}
        for name in sorted(known.query - told)
    ]
    if method == "post" and known.body:
        content = operation.setdefault("requestBody", {}).setdefault("content", {})
        texts = {name: {"type": "string"} for name in sorted(known.body)}
        form = {"schema": {"type": "object", "properties": texts}}
        content.setdefault(FORM_TYPE, form)
        if known.takes_json:
            content.setdefault(_JSON, form)


def _security(
    view: Callable[..., object], method: str, responses: Mapping[int, object]
) -> list[dict[str, list[str]]]:
    wants_token = method == "post" and csrf.wants_token(view)
    is_for_somebody = HTTPStatus.FORBIDDEN in responses or not is_open_to_expired_sessions(view)
    if not (wants_token or is_for_somebody):
        return []
    ways: list[dict[str, list[str]]] = [{"session": []}]
    if wants_token:
        ways[0]["csrfToken"] = []
    scope = scope_of_view(view)
    # In OpenAPI 3.1 these are the roles that are needed.
    return ways if scope is None else [*ways, {"apiToken": [scope.value]}]
