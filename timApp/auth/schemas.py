"""What requests about sessions may hold, and how it is read from them."""

from typing import Any

from flask import Request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Length
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH
from timApp.user.user import NAME_MAX_LENGTH, PASSWORD_MAX_LENGTH
from timApp.util.text import is_storable

#: Longest secret of another host, in characters.
SECRET_MAX_LENGTH = 1024


class BodyParser(FlaskParser):
    """Reads a request's body as JSON or as a form, whichever it says it is.

    Any other content is refused with 415, not passed over: a verification whose session id went
    unread would verify another session.
    """

    # A misspelt filter would otherwise be an export of everything.
    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": RAISE}
    __location_map__ = FlaskParser.__location_map__ | {"body": "load_body"}

    def load_body(self, request: Request, schema: Schema) -> Any:
        """Return the body's content for the location ``body``."""
        if request.is_json:
            try:
                return self.load_json(request, schema)
            except (RecursionError, ValueError):  # nested too deeply, or a number too long
                raise BadRequest("The JSON in the body cannot be read.") from None
        if request.mimetype == "application/x-www-form-urlencoded":
            return {name: text for name, text in request.form.items() if name != "csrf_token"}
        # A multipart body may have been read for its CSRF token; then only its length is left.
        if request.get_data(cache=True) or request.content_length:
            msg = "The body must be JSON (Content-Type: application/json) or a form."
            raise UnsupportedMediaType(msg)
        return {}


class SessionBlueprint(Blueprint):
    """A blueprint whose views can take their arguments from the ``body``."""

    ARGUMENTS_PARSER = BodyParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING | {
        "body": "application/json"
    }


def _check_storable(value: str) -> None:
    if not is_storable(value):
        raise ValidationError("Must not contain NUL characters or lone surrogates.")


def text_field(max_length: int, **options: Any) -> fields.String:
    """Return a field of 1 to `max_length` characters that a database can hold."""
    return fields.String(validate=[Length(min=1, max=max_length), _check_storable], **options)


class SessionArgs(Schema):
    """One session of a user who is named elsewhere."""

    session_id = text_field(
        SESSION_ID_MAX_LENGTH,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Id of the session. Verify: default is the latest session."
            " Invalidate: default is all of the user's sessions."
        },
    )


class RemoteSessionArgs(SessionArgs):
    """One session of a user, and the secret of the host that asks."""

    username = text_field(NAME_MAX_LENGTH, required=True)
    secret = text_field(
        SECRET_MAX_LENGTH,
        load_default=None,
        allow_none=True,
        metadata={"description": "Shared secret; without it the caller must be an administrator."},
    )


class HostPersonArgs(SessionArgs):
    """A person whom another host asks about, and a session that is to be in the answer."""

    username = text_field(NAME_MAX_LENGTH, required=True)


class LoginArgs(Schema):
    """A user name and a password."""

    username = text_field(NAME_MAX_LENGTH, required=True)
    password = text_field(PASSWORD_MAX_LENGTH, required=True)


class LoginAnswer(Schema):
    """Who has logged in, with which session, and the token for changes made with the cookie."""

    username = fields.String(required=True)
    sessionId = fields.String(required=True)  # noqa: N815 - laid down
    valid = fields.Boolean(required=True)
    csrfToken = fields.String(required=True)  # noqa: N815 - laid down


class StatusAnswer(Schema):
    """The answer to a change."""

    status = fields.Constant("ok", required=True)


class CurrentSessionAnswer(Schema):
    """The current session."""

    sessionId = fields.String(required=True, allow_none=True)  # noqa: N815 - laid down
    valid = fields.Boolean(required=True)


class ErrorAnswer(Schema):
    """What every request answers that cannot be carried out."""

    error = fields.String(required=True, metadata={"description": "A sentence for a person."})
    field = fields.String(metadata={"description": "The input at fault, if there is one."})
    by_field = fields.Dict(
        data_key="fields",
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "What is wrong with each input at fault (status 422)."},
    )
