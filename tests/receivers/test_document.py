"""What docs/webhooks.md shows is so."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from timApp.guard.vocabulary import ActorKind
from timApp.receivers.event import EventType, reference_of
from timApp.receivers.told import By, Told
from timApp.receivers.webhook import webhook_body, webhook_request
from timApp.util.clock import now

TEXT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
SECRET = "whsec_" + "QUJD" * 8
TOLD = Told(
    1,
    "m1",
    "session.invalidated",
    datetime(2026, 12, 1, 9, tzinfo=UTC),
    0,
    "alice",
    "9b86bb8f3acd88a3e1a2b7dbb0b18ed5",
    By(ActorKind.USER, "supervisor"),
    "left the room",
)


def shown(language: str) -> str:
    """Return what the document shows in a language."""
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_body_that_is_shown_is_what_is_sent() -> None:
    """The example in the document is the body of such an event, field by field."""
    assert json.loads(shown("json")) == webhook_body(TOLD)
    assert TOLD.session is not None
    assert len(reference_of("any")) == len(TOLD.session)


def test_the_program_that_is_shown_checks_signatures() -> None:
    """The lines in the document take what is signed with the secret, and nothing else."""
    names: dict[str, Any] = {}
    exec(shown("python"), names)  # noqa: S102 - our own document
    is_ours = names["is_ours"]
    request = webhook_request("https://a.example", SECRET, TOLD, now())
    assert is_ours(SECRET, request.headers, request.body)
    assert not is_ours(SECRET, request.headers, request.body + b" ")
    assert not is_ours("whsec_" + "QUJE" * 8, request.headers, request.body)
    old = webhook_request("https://a.example", SECRET, TOLD, TOLD.at)
    is_old = abs((now() - TOLD.at).total_seconds()) > 300
    assert is_ours(SECRET, old.headers, old.body) is not is_old


def test_all_events_are_in_the_document() -> None:
    """The table names each type of event that there is."""
    assert set(re.findall(r"^\| `(session\.\w+)` \|", TEXT, re.MULTILINE)) == {
        one.value for one in EventType
    }
