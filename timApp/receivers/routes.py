"""What Shared Signals are fetched by: what this site says it offers, its keys, and polling."""

from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify, request
from marshmallow import Schema, fields, validate

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.csrf import csrf
from timApp.auth.site import db
from timApp.receivers.answers import ConfigurationAnswer, KeysAnswer
from timApp.receivers.poll import SETS_MAX, fetch, require_poller, settle_fetched
from timApp.receivers.securityevent import POLL, PUSH
from timApp.receivers.signingkey import public_keys
from timApp.receivers.site import current_teller
from timApp.util.errors import NotFound
from timApp.util.text import header_text

signals = ApiBlueprint("signals", __name__, description="Shared Signals: what a receiver fetches.")

_ID_MAX_LENGTH, _WORDS_MAX_LENGTH = 100, 1000
_BEARER = "bearer"
_JWK_SET = "application/jwk-set+json"


class _ErrorArgs(Schema):
    """Why a token cannot be taken."""

    err = fields.String(required=True, validate=validate.Length(max=_WORDS_MAX_LENGTH))
    description = fields.String(validate=validate.Length(max=_WORDS_MAX_LENGTH))


class PollArgs(Schema):
    """What a receiver says when it fetches: RFC 8936, section 2.2."""

    ack = fields.List(
        fields.String(validate=validate.Length(max=_ID_MAX_LENGTH)),
        validate=validate.Length(max=SETS_MAX),
    )
    set_errs = fields.Dict(
        keys=fields.String(validate=validate.Length(max=_ID_MAX_LENGTH)),
        values=fields.Nested(_ErrorArgs),
        data_key="setErrs",
        validate=validate.Length(max=SETS_MAX),
    )
    max_events = fields.Integer(
        strict=True, data_key="maxEvents", validate=validate.Range(min=0, max=2**31)
    )
    return_immediately = fields.Boolean(data_key="returnImmediately")


@signals.get("/.well-known/ssf-configuration")
@signals.notes(security=[])
@signals.tells(200, ConfigurationAnswer, "What there is.")
@signals.tells(404)
@open_to_expired_sessions
def configuration() -> Response:
    """Say what this transmitter offers; 404 where nobody has told it what it is called."""
    issuer = _issuer()
    return jsonify(
        spec_version="1_0",
        issuer=issuer,
        jwks_uri=f"{issuer}/ssf/jwks.json",
        delivery_methods_supported=[PUSH, POLL],
        authorization_schemes=[{"spec_urn": "urn:ietf:rfc:6750"}],
        default_subjects="ALL",
    )


@signals.get("/ssf/jwks.json")
@signals.notes(security=[])
@signals.tells(200, KeysAnswer, "The keys.", content_type=_JWK_SET)
@signals.tells(404)
@open_to_expired_sessions
def keys() -> Response:
    """Give the public parts of the keys that tokens are signed with."""
    _issuer()
    answer = jsonify(keys=public_keys(db.session.connection()))
    answer.mimetype = _JWK_SET
    return answer


@signals.post("/ssf/poll/<receiver>")
@signals.arguments(PollArgs, location="body", as_kwargs=True)
@open_to_expired_sessions
@csrf.exempt
def poll(
    receiver: str,
    ack: list[str] | None = None,
    set_errs: Mapping[str, Mapping[str, Any]] | None = None,
    max_events: int = SETS_MAX,
    return_immediately: bool = True,
) -> Response:
    """Give a receiver what it is owed, after what it says of what it was given before.

    It is answered at once, also if there is nothing.
    """
    del return_immediately  # whatever it says: nobody waits here
    issuer = _issuer()
    found = require_poller(db, receiver, _shown_token())
    errors = {
        one: f"{why['err']} {why.get('description', '')}" for one, why in (set_errs or {}).items()
    }
    settle_fetched(db, found, ack or (), errors)
    db.session.commit()
    given = fetch(db, found, issuer, f"{issuer}/ssf/poll/{receiver}", max_events)
    return jsonify(sets=given.sets, moreAvailable=given.more_available)


def _issuer() -> str:
    issuer = current_teller().issuer
    if issuer is None:
        raise NotFound("This site sends no Shared Signals: SITE_URL is not configured.")
    return issuer


def _shown_token() -> str:
    scheme, _, token = header_text(request.headers.get("Authorization", "")).partition(" ")
    return token.strip() if scheme.lower() == _BEARER else ""
