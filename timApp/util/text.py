"""Text that came from outside."""

#: How much of somebody's input a message repeats, in characters.
_QUOTE_MAX_LENGTH = 60


def is_storable(text: str) -> bool:
    """Tell whether a database can hold the text: neither a NUL nor a lone surrogate is in it.

    PostgreSQL has no NUL in text, and UTF-8 has no lone surrogates, which JSON can smuggle in.
    """
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def quoted(text: str) -> str:
    """Return the text as a message may repeat it: in quotes, escaped, and not too long."""
    shown = text if len(text) <= _QUOTE_MAX_LENGTH else f"{text[:_QUOTE_MAX_LENGTH]}…"
    return repr(shown)
