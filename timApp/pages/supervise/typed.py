"""Understands what a supervisor typed or scanned into the console's one field."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from timApp.guard.waiting.code import normal_code
from timApp.guard.waiting.link import LINK_PATH


@dataclass(frozen=True)
class TypedLink:
    """A scanned link, of which the token counts."""

    token: str


@dataclass(frozen=True)
class TypedSession:
    """``user#session-id``, which older clients show; or a name alone (session None)."""

    username: str
    session_id: str | None = None


@dataclass(frozen=True)
class TypedCode:
    """A short code, in capitals; `text` is what was typed, which may be a name after all."""

    code: str
    text: str


def understand(text: str) -> TypedLink | TypedCode | TypedSession:
    """Return what the text is; it is a name if it is nothing else."""
    text = text.strip()
    _, separator, token = text.partition(LINK_PATH)
    if separator and text.startswith(("http://", "https://")):
        return TypedLink(unquote(re.split("[?#]", token)[0]))
    code = normal_code(text)
    if code is not None:
        return TypedCode(code, text)
    name, separator, session_id = text.rpartition("#")
    if separator and name and session_id:
        return TypedSession(name, session_id)
    return TypedSession(text)
