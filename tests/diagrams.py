"""Draws the diagrams of the docs from the tables they show: `python -m tests.diagrams`."""

import re
from pathlib import Path

from timApp.guard.rules.admission import Situation, admit
from timApp.guard.rules.lifetime import FOR_THE_OTHERS, LIFE
from timApp.guard.rules.policy import Policy
from timApp.guard.vocabulary import State

SESSIONS = Path(__file__).parents[1] / "docs" / "sessions.md"
_PLACE = re.compile(r"(<!-- drawn: life -->\n).*?(<!-- end -->)", re.DOTALL)
_NAMES = {State.ACTIVE: "active", State.EXPIRED: "expired", State.LOGGED_OUT: "logged_out"}


def life() -> str:
    """Return the diagram of a session's life, and the table of all that the diagram leaves out."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [
        f"    [*] --> {_NAMES[admit(Situation(0, 1), Policy()).state]}: login",
        f"    [*] --> {_NAMES[admit(Situation(1, 1), Policy()).state]}: login over the limit",
    ]
    lines += [
        f"    {_NAMES[before]} --> {_NAMES[after]}: {event.value}"
        for before, events in LIFE.items()
        for event, after in events.items()
        if after is not before
    ]
    lines += ["```", ""]
    states = list(State)
    lines.append("| what happens | " + " | ".join(f"was {_text(one)}" for one in states) + " |")
    lines.append("|---" * (len(states) + 1) + "|")
    for event in LIFE[State.ACTIVE]:
        cells = [_text(LIFE[state][event]) for state in states]
        lines.append(f"| {event.value} | " + " | ".join(f"is {cell}" for cell in cells) + " |")
    lines.append("")
    lines += [
        f"A session *{event.value}*: then to the person's others happens *{other.value}*."
        for event, other in FOR_THE_OTHERS.items()
    ]
    return "\n".join(lines) + "\n"


def drawn(text: str) -> str:
    """Return the text with the diagram as it is now."""
    return _PLACE.sub(lambda found: found[1] + life() + found[2], text)


def _text(state: State) -> str:
    return state.value.replace("_", " ")


if __name__ == "__main__":
    SESSIONS.write_text(drawn(SESSIONS.read_text("utf-8")), "utf-8")
