"""The OpenAPI document of the routes that are about sessions, which are declared for it."""

from functools import cache

from flask import Blueprint, Flask, Response, json
from flask_smorest import Api

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.schemas import ErrorAnswer
from timApp.auth.session.routes import sessions
from timApp.request.converter import NameConverter

openapi = Blueprint("openapi", __name__)

_OPTIONS = {"API_TITLE": "timApp", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}


class SessionApi(Api):
    """The API, whose errors are those of the whole application."""

    ERROR_SCHEMA = ErrorAnswer

    def _register_error_handlers(self) -> None:
        """Leave errors to the application's own handlers."""


def create_described_app() -> Flask:
    """Return an application that has the routes and their description, and serves nobody.

    To describe routes takes as long as all the rest of making an application, so that those which
    serve leave it until somebody asks.
    """
    app = Flask(__name__)
    app.config.from_mapping(_OPTIONS)
    app.url_map.converters["name"] = NameConverter
    SessionApi(app).register_blueprint(sessions)
    return app


@cache
def _document() -> str:
    api = create_described_app().extensions["flask-smorest"]["apis"][""]["ext_obj"]
    return json.dumps(api.spec.to_dict(), indent=2, sort_keys=False)


@openapi.get("/openapi.json")
@open_to_expired_sessions
def openapi_document() -> Response:
    """Return the document, which is the same for everybody."""
    return Response(_document(), mimetype="application/json")
