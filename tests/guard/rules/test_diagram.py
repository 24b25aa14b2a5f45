"""The docs show the table of a session's life as it is."""

from tests.diagrams import SESSIONS, drawn, life


def test_the_diagram_is_drawn_from_the_table() -> None:
    """docs/sessions.md has today's diagram; `make diagrams` draws it anew."""
    text = SESSIONS.read_text("utf-8")
    assert life() in text
    assert drawn(text) == text
