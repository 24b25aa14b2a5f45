"""Answers that the front gives by itself when it refuses a request."""

from collections.abc import Callable
from http import HTTPStatus

from timApp.request.plain import ASKS_AGAIN, PlainErrors, refresh_after, wants_page
from timApp.serve.http.journal import Journal
from timApp.serve.http.message import Answer, Exchange, Headers, Request, status_line

#: What a client is told, by status.
SENTENCES = {
    400: "The request is no HTTP that this server understands.",
    408: "The request did not arrive whole in time. Send it again.",
    413: "The request has too much in its body.",
    414: "The address is too long.",
    431: "The request has too much in its headers.",
    501: "This server does not do that.",
    505: "Only HTTP/1.1 and HTTP/1.0 are understood here.",
    503: "The server cannot answer just now. Try again in a moment.",
}
#: And why, in a word, for those who watch the server.
REASONS = {
    400: "malformed",
    408: "slow",
    413: "body",
    414: "address",
    431: "headers",
    501: "unsupported",
    505: "version",
    503: "no_turn",
}
#: The reasons that are met elsewhere: two hosts or none, logins, and connections.
HOST, LOGINS_FULL = "host", "logins_full"
#: Seconds after which whoever is turned away may try again.
_RETRY_AFTER = 2


#: Returns the language of the reader, and a sentence in it: no body is larger than so many bytes.
Words = Callable[[Request | None, int], tuple[str, str]]


class Refusals:
    """Makes answers in the form that the caller can read, as the rest of the site does."""

    def __init__(
        self,
        errors: PlainErrors,
        headers: Headers,
        journal: Journal,
        words: Words,
    ) -> None:
        """Take what makes the bodies, the headers that each answer of the site has, and a journal.

        The journal has the reason of each. `words` says that a body is too large.
        """
        self._words = words
        self._journal = journal
        self._errors = errors
        self.headers = headers

    def answer(
        self,
        status: int,
        request: Request | None = None,
        *,
        message: str | None = None,
        reason: str | None = None,
        retry_after: int | None = None,
        body_max: int | None = None,
    ) -> Answer:
        """Return the answer; JSON, unless the request asks for a page. It counts as given.

        `retry_after` is in seconds; whoever is told 503 may soon try again in any case, and a page
        does so by itself. `body_max` is how many bytes a body may have, for one that has more.
        """
        self._journal.refuse(reason or REASONS[status])
        accept = ((request.header(b"accept") if request else None) or b"").decode("latin-1")
        language, sentence = "", message or SENTENCES[status]
        is_unavailable = status == HTTPStatus.SERVICE_UNAVAILABLE
        is_page = request is not None and request.method == b"GET" and wants_page(accept)
        asks_again = is_unavailable and is_page
        if asks_again:
            sentence = f"{sentence} {ASKS_AGAIN}"
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and body_max is not None:
            language, sentence = self._words(request, body_max)
        kind, body = self._errors.body(accept, status, sentence, language)
        headers: Headers = [
            (b"Content-Type", kind.encode()),
            (b"Cache-Control", b"no-store"),
            *self.headers,
        ]
        if retry_after is None and is_unavailable:
            retry_after = _RETRY_AFTER
        if retry_after is not None:
            headers.append((b"Retry-After", b"%d" % retry_after))
            if asks_again:
                headers.append((b"Refresh", refresh_after(retry_after).encode()))
        return Answer(status_line(status), headers, body)

    def turn_away(self, exchange: Exchange) -> None:
        """Tell somebody whom nobody can answer just now."""
        exchange.answer(self.answer(503, exchange.request))
