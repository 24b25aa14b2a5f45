"""Blueprints whose views say what they take and what they answer, for the document of the API."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

from timApp.request.inputs import Inputs, declare, read_body

_View = TypeVar("_View", bound=Callable[..., object])
_Decorator = Callable[[_View], _View]

#: The status of the blocked page, which is registered nowhere.
SESSION_EXPIRED = 490


def name_of_status(status: int) -> str:
    """Return by which name the document has what it says of a status of errors."""
    return "SESSION_EXPIRED" if status == SESSION_EXPIRED else HTTPStatus(status).name


class BodyParser(FlaskParser):
    """Reads arguments also from the ``body``: JSON or a form, whichever it says it is."""

    # In JSON a view may know fewer names than in a form.
    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"body": RAISE}
    __location_map__ = FlaskParser.__location_map__ | {"body": "load_body"}

    def load_body(self, _request: Request, _schema: Schema) -> Any:
        """Return the body's content for the location ``body``."""
        return read_body()


class ApiBlueprint(Blueprint):
    """A blueprint whose views can take arguments from the ``body``, and know what they take.

    Those that say what they answer are in the document of the API (`timApp.openapi`).
    """

    ARGUMENTS_PARSER = BodyParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING | {
        "body": "application/json"
    }

    def get(self, rule: str, **options: Any) -> Callable[[_View], _View]:
        """Let a view answer GET at an address below the blueprint's own."""
        decorate: Callable[[_View], _View] = super().get(rule, **options)
        return decorate

    def post(self, rule: str, **options: Any) -> Callable[[_View], _View]:
        """Let a view answer POST at an address below the blueprint's own."""
        decorate: Callable[[_View], _View] = super().post(rule, **options)
        return decorate

    def arguments(
        self, schema: Schema | type[Schema], *, location: str, **options: Any
    ) -> Callable[[Callable[..., object]], Callable[..., object]]:
        """Let a view take arguments from the ``query`` or from the ``body``."""
        decorate = super().arguments(schema, location=location, **options)
        known = (schema() if isinstance(schema, type) else schema).fields.items()
        names = frozenset(field.data_key or name for name, field in known)
        inputs = Inputs(query=names) if location == "query" else Inputs(body=names, takes_json=True)
        return lambda view: declare(decorate(view), inputs)

    def tells(
        self,
        status: int,
        schema: Schema | type[Schema] | Mapping[str, Any] | None = None,
        description: str | None = None,
        **options: Any,
    ) -> Callable[[_View], _View]:
        """Say in the document that a view answers with that status, and what; the view stays as is.

        Without a schema and a description it is what the document says of such an error anyway.
        What every view may answer (`timApp.openapi`) need not be said.
        """
        if schema is None and description is None:
            options["response"] = name_of_status(status)
        describe = self.alt_response(status, schema=schema, description=description, **options)
        return lambda view: _noted(view, describe(view)._apidoc)

    def notes(self, **said: Any) -> Callable[[_View], _View]:
        """Say more in the document of a view, in the words of OpenAPI; the view stays as it is."""
        describe = self.doc(**said)
        return lambda view: _noted(view, describe(view)._apidoc)

    def _store_endpoint_docs(self, endpoint: str, obj: Any, *rest: Any, **options: Any) -> None:
        """Keep what is said of a view that says what it answers; the others are for people."""
        if "response" in getattr(obj, "_apidoc", {}):
            super()._store_endpoint_docs(endpoint, obj, *rest, **options)


def _noted(view: _View, said: object) -> _View:
    view._apidoc = said  # type: ignore[attr-defined]
    return view
