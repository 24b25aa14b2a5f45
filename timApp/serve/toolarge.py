"""What the front says of a body that is too large, in the reader's language."""

from flask import Flask
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header, parse_cookie

from timApp.request.plain import wants_page
from timApp.serve.http.message import Request
from timApp.ui.language import in_language, language_of
from timApp.ui.words import too_large_words

#: Bytes of a header that is looked at for a language: a longer one would take long.
_HEADER_MAX = 4096


class TooLarge:
    """Says it; for the loop's thread."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        #: By language and limit, of which there are few.
        self._said: dict[tuple[str, int], str] = {}

    def words(self, request: Request | None, limit: int) -> tuple[str, str]:
        """Return the language and the sentence; empty, for English, if no page is asked for."""
        language = ""
        if request is not None and wants_page(_header(request, b"accept")):
            language = language_of(
                parse_cookie(_header(request, b"cookie")),
                parse_accept_header(_header(request, b"accept-language"), LanguageAccept),
            )
        said = self._said.get((language, limit))
        if said is None:
            with in_language(self._app, language):
                said = self._said[language, limit] = too_large_words(limit)
        return language, said


def _header(request: Request, name: bytes) -> str:
    value = request.header(name) or b""
    return "" if len(value) > _HEADER_MAX else value.decode("latin-1")
