"""What requests about sessions may hold, and what they are answered."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext
from marshmallow import Schema, ValidationError, fields, pre_load
from marshmallow.validate import Length

from timApp.guard.verdict import Standing
from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH
from timApp.user.password import PASSWORD_MAX_LENGTH
from timApp.util.text import NAME_MAX_LENGTH, is_storable

#: Longest secret of another host, in characters.
SECRET_MAX_LENGTH = 1024


def _check_storable(value: str) -> None:
    if not is_storable(value):
        raise ValidationError("Must not contain NUL characters or lone surrogates.")


def text_field(max_length: int, **options: Any) -> fields.String:
    """Return a field of 1 to `max_length` characters that a database can hold."""
    return fields.String(validate=[Length(min=1, max=max_length), _check_storable], **options)


class SessionArgs(Schema):
    """One session of a user whom the path or another field names; there may be none.

    An empty id, and null, are as good as none.
    """

    session_id = text_field(
        SESSION_ID_MAX_LENGTH,
        allow_none=True,
        metadata={
            "description": "Id of the session. Verify: default is the latest session."
            " Invalidate: default is all of the user's sessions."
        },
    )

    @pre_load
    def _drop_empty(self, given: Mapping[str, Any], **_options: object) -> dict[str, Any]:
        return {
            name: value
            for name, value in given.items()
            if name != "session_id" or value not in ("", None)
        }


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


def _typed_field(max_length: int) -> fields.String:
    """Return a field of a page's form, with what is said beside it in the reader's language."""
    required = lazy_gettext("This field is required.")
    too_long = lazy_gettext("Field cannot be longer than %(num)s characters.", num=max_length)
    return fields.String(
        required=True,
        error_messages={"required": required},
        validate=[
            Length(min=1, error=required),
            Length(max=max_length, error=too_long),
            _check_storable,
        ],
    )


class LoginForm(Schema):
    """What a person types to log in, and where they wanted to go."""

    username = _typed_field(NAME_MAX_LENGTH)
    password = _typed_field(PASSWORD_MAX_LENGTH)
    next = fields.String()


class NewPasswordForm(Schema):
    """What a person types to have a new password."""

    old_password = _typed_field(PASSWORD_MAX_LENGTH)
    password = _typed_field(PASSWORD_MAX_LENGTH)


class StatusAnswer(Schema):
    """The answer to a change."""

    status = fields.Constant("ok", required=True)


class HostStatusAnswer(StatusAnswer):
    """The answer to a change that a host tells of."""

    known = fields.Boolean(
        metadata={"description": "False, for a host that signs, if the person is unknown here."}
    )


class LoginAnswer(Schema):
    """The answer to who has logged in."""

    username = fields.String(required=True)
    sessionId = fields.String(required=True, allow_none=True)  # noqa: N815 - as that of the current
    valid = fields.Boolean(
        required=True, metadata={"description": "False if the session is blocked."}
    )
    csrfToken = fields.String(  # noqa: N815
        required=True,
        metadata={"description": "To be sent as X-CSRFToken with every POST of this cookie."},
    )


class CurrentSessionAnswer(Schema):
    """The current session."""

    sessionId = fields.String(required=True, allow_none=True)  # noqa: N815 - laid down
    valid = fields.Boolean(required=True)


class StateAnswer(Schema):
    """Who is logged in, and how it stands with their session."""

    username = fields.String(
        required=True, allow_none=True, metadata={"description": "Null if nobody is logged in."}
    )
    sessionId = fields.String(required=True, allow_none=True)  # noqa: N815 - as that of the current
    standing = fields.Enum(Standing, by_value=True, required=True)
    attemptedAt = fields.Integer(  # noqa: N815
        required=True,
        allow_none=True,
        metadata={
            "description": "When somebody's login as them was blocked last while this session was"
            " active, in seconds since 1970; null if none was."
        },
    )
    exams = fields.String(
        required=True,
        metadata={"description": "Another text when another exam runs; it says nothing else."},
    )


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
    confirm = fields.String(
        metadata={"description": "Where to prove with the password first who one is (status 403)."}
    )
