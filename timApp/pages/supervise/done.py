"""What was decided, as the address says it to which a decision leads; nobody else can write one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import current_app, request
from itsdangerous import Signer

from timApp.auth.site import current_site, db
from timApp.guard.changes.undo import can_be_undone
from timApp.guard.vocabulary import Action
from timApp.hosts.outbox.debts import last_outcomes
from timApp.hosts.outbox.delivery import ACTIONS, DeliveryState, Outcome
from timApp.pages.entry import entry_number
from timApp.user.people import find_person
from timApp.util.errors import BadInput

_SAID = ("user", "session_id", "home", "action", "effect", "number", "told")
_SEAL = "seal"
#: The parameters of such an address.
DONE_FIELDS = (*_SAID, _SEAL)


@dataclass(frozen=True)
class Done:
    """What was decided, for the console to say it."""

    action: str
    user_name: str
    #: Empty for a person whom this server does not know.
    real_name: str
    session_id: str
    #: What has come of it on this server, as the template calls it; None if that is not known.
    effect: str | None
    #: The address of the host that the session is on; empty for this server.
    home: str
    #: By which it can be undone; None if it cannot.
    number: int | None
    #: What has become of it on the hosts that were told.
    outcomes: Sequence[Outcome]

    @property
    def owed(self) -> list[str]:
        """The addresses of the hosts that are still to be told."""
        return [one.host.url for one in self.outcomes if one.state is DeliveryState.OWED]


def sealed(said: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of an address that says so.

    Without a seal, whoever has a link followed could show a supervisor that somebody is verified.
    """
    return {**said, _SEAL: _signer().get_signature(_text(said)).decode()}


def read_done() -> Done:
    """Return what the address of the page says was done, and what is true of it by now.

    `BadInput` (field ``seal``) for an address to which no decision has led.
    """
    said = {name: request.args[name] for name in _SAID if name in request.args}
    if not _signer().verify_signature(_text(said), request.args.get(_SEAL, "")):
        raise BadInput(
            "Nobody was led to this address by a decision. What was decided is on the person's"
            " page.",
            field=_SEAL,
        )
    action, name, session_id = Action(said["action"]), said["user"], said.get("session_id")
    person = find_person(db, name)
    outcomes: Sequence[Outcome] = []
    if said.get("told") and action in ACTIONS:
        outcomes = last_outcomes(db, action, name, session_id, current_site().network.hosts)
        latest = max((one.change.note.stamp for one in outcomes), default=None)
        outcomes = [one for one in outcomes if one.change.note.stamp == latest]
    number = entry_number(said.get("number", ""))
    if person is None or number is None or not can_be_undone(db, person.id, number):
        number = None
    return Done(
        action=action.value,
        user_name=name,
        real_name="" if person is None else person.real_name,
        session_id=session_id or "",
        effect=said.get("effect"),
        home=said.get("home", ""),
        number=number,
        outcomes=outcomes,
    )


def _text(said: Mapping[str, str]) -> str:
    return urlencode(sorted(said.items()), errors="surrogatepass")


def _signer() -> Signer:
    config = current_app.config
    return Signer(
        [*config["SECRET_KEY_FALLBACKS"], config["SECRET_KEY"]],
        salt="what was decided",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )
