"""Calls to other hosts: signed requests, and what their answers mean."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa

from timApp.net.client import Answer, Request, client
from timApp.net.network import Host, Network
from timApp.net.note import ChangeNote
from timApp.net.peer import known_peers
from timApp.net.signature import Message, address_of, sign_request, verify_answer
from timApp.util.clock import now
from timApp.util.errors import ConfigError
from timApp.util.text import one_line

#: What is wrong when no host can be asked.
NO_SECRET = "DIST_RIGHTS_SEND_SECRET is not configured."  # noqa: S105 - a sentence
#: What is wrong with a host that is to understand a signed request and does not.
DOES_NOT_SIGN = "does not sign, and does not know signed requests."
#: The status that a host answers that did what it was asked.
_DONE_STATUS = "ok"
#: A host's times are cut off to seconds: on average it is this much later there than it says.
_CUT_OFF = timedelta(seconds=0.5)
#: An error is cut off after this many characters; a host's own words may be in it.
_ERROR_MAX_LENGTH = 300


@dataclass(frozen=True)
class Call:
    """One request to one host.

    `path` follows the host's base URL; `content` is the JSON object of the body. A call
    with a note tells of a change, as hosts that do not sign know it too; any other call is a
    question that only hosts that sign understand.
    """

    host: Host
    path: str
    content: Mapping[str, object]
    change: ChangeNote | None = None


@dataclass(frozen=True)
class Reply:
    """What came of a call."""

    #: What went wrong, in one line without the host's name; None if nothing did.
    error: str | None
    #: The object that was answered, if nothing went wrong.
    content: dict[str, Any] = field(default_factory=dict)
    #: Whether the host proved that it knows our secret; then the answer is its own.
    signs: bool = False
    #: Whether the host does not know what it was asked, as one that knows no signatures.
    is_unsigned: bool = False
    #: Whether it is no use to ask again: the host does not know the person.
    is_unknown_there: bool = False
    #: Whether no answer came: the trouble is with the host, whatever it was asked.
    is_silent: bool = False
    seconds: float = 0
    #: By how much the host's clock is ahead of ours; None if it did not tell the time.
    clock_ahead: timedelta | None = None


def require_secret(network: Network) -> None:
    """Check that hosts can be called at all; `ConfigError` if there is no secret to send."""
    if not network.send_secret:
        raise ConfigError(f"No host can be asked: {NO_SECRET}", field="DIST_RIGHTS_SEND_SECRET")


def call_hosts(network: Network, engine: sa.Engine, calls: Sequence[Call]) -> list[Reply]:
    """Make the calls, all at once; return what came of each after at most the network's timeout.

    Only call hosts of the network. Without a secret to send nobody is called. Nothing a host does
    raises an error. What is known of the hosts is read from the database.
    """
    secret = network.send_secret
    if not secret:
        return [Reply(NO_SECRET) for _ in calls]
    if not calls:
        return []
    sealed = [
        _sealed(call, secret, shows) for call, shows in _showing_secret(network, engine, calls)
    ]
    answers = client().ask_all([one.request for one in sealed], network.timeout)
    return [one.opened(answer) for one, answer in zip(sealed, answers, strict=True)]


def call_soon(network: Network, call: Call, deadline: float, then: Callable[[Reply], None]) -> None:
    """Ask a host a question without waiting; `then` is called with the reply, in another thread.

    Without a secret to send nobody is called, and `then` is told so at once.
    """
    secret = network.send_secret
    if not secret:
        then(Reply(NO_SECRET))
        return
    sealed = _sealed(call, secret, shows_secret=False)
    asked = client().ask(sealed.request, deadline)
    asked.add_done_callback(lambda done: then(sealed.opened(done.result())))


def _showing_secret(
    network: Network, engine: sa.Engine, calls: Sequence[Call]
) -> list[tuple[Call, bool]]:
    """Return the calls, each with whether it has to show the secret, as to a host that is new."""
    if network.signed_only:
        return [(call, False) for call in calls]
    changes = [call.host for call in calls if call.change is not None]
    peers = known_peers(engine, changes) if changes else {}
    signing = {url for url, peer in peers.items() if peer.signs}
    return [(call, call.change is not None and call.host.url not in signing) for call in calls]


@dataclass(frozen=True)
class _SealedCall:
    """A call that is ready to be sent, and what it takes to understand the answer."""

    call: Call
    message: Message
    secret: str
    shows_secret: bool
    sent_at: datetime

    @property
    def request(self) -> Request:
        """What is sent."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        return Request(self.message.url, self.message.body, headers | self.message.headers)

    def opened(self, answer: Answer) -> Reply:
        """Return what the answer means."""
        reply = self._reply(answer)
        if reply.error is None:
            return reply
        return replace(reply, error=_safe(reply.error, self.secret), content={})

    def _reply(self, answer: Answer) -> Reply:
        if answer.failure is not None:
            return Reply(answer.failure, is_silent=True, seconds=answer.seconds)
        content = _json_object(answer.body)
        headers = answer.headers or {}
        signed_at = verify_answer(self.message, answer.status, headers, answer.body, self.secret)
        signs = signed_at is not None
        is_question = self.call.change is None
        # A host that signs proves each answer to what it was asked by us.
        is_unsigned = not signs and (
            answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
            if is_question
            else not self.shows_secret and answer.status == HTTPStatus.FORBIDDEN
        )
        error: str | None = None
        if is_unsigned:
            error = DOES_NOT_SIGN
            if not is_question:
                error += ' If that is right, "timapp hosts check" makes up for it.'
        elif answer.status != HTTPStatus.OK:
            error = _refusal(answer.status, content)
        elif is_question and not signs:
            error = "answered without a proof that it knows our secret; check its address."
        elif content is None or (not is_question and content.get("status") != _DONE_STATUS):
            error = "answered, but not as a timApp host does; check its address."
        return Reply(
            error,
            content or {},
            signs=signs,
            is_unsigned=is_unsigned,
            is_unknown_there=content is not None
            and (
                # TIM's hosts answer so, and hosts that are asked for a person's sessions.
                (answer.status == HTTPStatus.NOT_FOUND and not is_unsigned and "error" in content)
                or (signs and error is None and content.get("known") is False)
            ),
            seconds=answer.seconds,
            clock_ahead=self._clock_ahead(signed_at or _date_of(headers), answer.seconds),
        )

    def _clock_ahead(self, told: datetime | None, seconds: float) -> timedelta | None:
        """Return how far a clock is ahead that told this while it was asked, at about half-time."""
        if told is None:
            return None
        return told + _CUT_OFF - (self.sent_at + timedelta(seconds=seconds / 2))


def _sealed(call: Call, secret: str, shows_secret: bool) -> _SealedCall:
    content = dict(call.content) | ({"secret": secret} if shows_secret else {})
    message = sign_request(
        address_of(call.host.url, call.path),
        json.dumps(content).encode(),
        secret,
        call.change.header() if call.change is not None else "",
    )
    return _SealedCall(call, message, secret, shows_secret, now())


def _date_of(headers: Mapping[str, str]) -> datetime | None:
    """Return the time that an answer's header tells, if it does."""
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return date if date.tzinfo is not None else None


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _refusal(status: int, content: Mapping[str, Any] | None) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"answered with a redirect ({status}), which is not followed; check its address."
    words = (content or {}).get("error")
    quote = f": {words}" if words else "."
    return f"refused with status {status}{quote}"


def _safe(error: str, secret: str) -> str:
    """Return the error on one line of printable text, and without the secret.

    A host may say what it likes in its answer, what it was asked included.
    """
    return one_line(error.replace(secret, "[secret]"))[:_ERROR_MAX_LENGTH]
