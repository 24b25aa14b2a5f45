"""The OpenAPI document of the routes that are declared with flask-smorest."""

from flask import Flask
from flask_smorest import Api

from timApp.auth.schemas import ErrorAnswer

#: What flask-smorest needs to know.
API_OPTIONS = {
    "API_TITLE": "timApp",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
}


class SessionApi(Api):
    """The API, whose errors are those of the whole application."""

    ERROR_SCHEMA = ErrorAnswer

    def _register_error_handlers(self) -> None:
        """Leave errors to the application's own handlers."""


def create_api(app: Flask) -> Api:
    """Return the API of the application, without routes as yet."""
    return SessionApi(app)
