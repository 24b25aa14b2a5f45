"""Why somebody changes sessions, in their own words."""

from flask import request

from timApp.util.text import storable

#: Longest reason that is kept, in characters.
REASON_MAX_LENGTH = 500


def read_reason() -> str:
    """Return the reason that was given in the form, without what is too long; empty if none."""
    return storable(request.form.get("reason", "").strip())[:REASON_MAX_LENGTH]
