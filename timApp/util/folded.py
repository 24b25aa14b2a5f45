"""Text as it is searched for: without regard to capitals, accents and width."""

import unicodedata

#: Parts what is searched, so that nothing is found across two texts. No line of text has it.
SEPARATOR = "\n"


def folded(*texts: str) -> str:
    """Return what is searched of some texts; what is searched for is folded in the same way."""
    return SEPARATOR.join(map(_folded, texts))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))
