"""Webhooks as Standard Webhooks has them: a signed POST of JSON for each event."""

import json
from datetime import datetime

from standardwebhooks import Webhook

from timApp.net.client import Request
from timApp.receivers.told import Told


def webhook_request(url: str, secret: str, told: Told, moment: datetime) -> Request:
    """Return what tells a webhook, signed at that moment with its secret (``whsec_...``)."""
    body = json.dumps(webhook_body(told), separators=(",", ":"))
    signature = Webhook(secret).sign(told.message_id, moment, body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "timApp",
        "webhook-id": told.message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }
    return Request(url, body.encode(), headers, ANSWER_MAX_BYTES)


def webhook_body(told: Told) -> dict[str, object]:
    """Return what the body says."""
    return {"type": told.type, "timestamp": _written(told.at), "data": _data(told)}


#: Of an answer so much is read.
ANSWER_MAX_BYTES = 16 * 1024


def _data(told: Told) -> dict[str, object]:
    if told.by is None:
        return {}
    return {
        "user": told.user_name,
        "session": told.session,
        "by": {"kind": told.by.kind.value, "name": told.by.name},
        "reason": told.reason,
        "cause": None if told.cause is None else told.cause.value,
    }


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
