"""What hosts are answered, for the document of the API; `timApp.hosts.questions.wire` writes it."""

from marshmallow import Schema, fields


class _SeatAnswer(Schema):
    seat = fields.String(required=True, allow_none=True)
    address_seat = fields.String(required=True, allow_none=True)


class WaitingSessionAnswer(_SeatAnswer):
    """Somebody who waits to be verified."""

    code = fields.String(required=True, metadata={"description": "The short code on the screen."})
    user_name = fields.String(required=True)
    real_name = fields.String(required=True)
    session_id = fields.String(required=True)
    origin = fields.String(required=True)
    since = fields.String(required=True, metadata={"description": "ISO 8601, in UTC."})


class WaitingAnswer(Schema):
    """Who waits, the longest first."""

    waiting = fields.List(fields.Nested(WaitingSessionAnswer), required=True)


class SessionAnswer(_SeatAnswer):
    """A session of a person."""

    session_id = fields.String(required=True)
    origin = fields.String(required=True)
    logged_in_at = fields.String(required=True)
    last_seen_at = fields.String(required=True, allow_none=True)
    is_active = fields.Boolean(required=True)
    is_logged_out = fields.Boolean(required=True)


class PersonAnswer(Schema):
    """A person, and sessions of theirs."""

    real_name = fields.String(required=True)
    sessions = fields.List(fields.Nested(SessionAnswer), required=True)
