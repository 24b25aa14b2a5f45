"""Static files, which are the same for everybody: the application is asked for each once.

Or twice: for whoever understands gzip, and for the others.
"""

from collections.abc import Callable, Sequence

from werkzeug.http import parse_accept_header

from timApp.serve.http.mailbox import Mailbox
from timApp.serve.http.message import Answer, Exchange, Handler, Request, Stream, status_line

#: Bytes of the largest file of which a process keeps the answer.
_KEPT_BYTES = 2_097_152
#: What a path has that is not the shortest one to its file. Those are not kept, since there is no
#: end of them; so what is kept are as many answers as there are files.
_DETOURS = (b"%", b"//", b"/.")
_OK, _NOT_MODIFIED = status_line(200), status_line(304)
#: What a request may say of the copy that it has, or of the part that it wants: it gets the whole.
_CONDITIONS = b"if-match if-modified-since if-none-match if-range if-unmodified-since range".split()
_ENCODING = b"accept-encoding"
_GZIP = (_ENCODING, b"gzip")
_NOT_PASSED_ON = frozenset((*_CONDITIONS, _ENCODING))
#: The path, and whether it is for somebody who understands gzip.
_Key = tuple[bytes, bool]


class Statics:
    """Answers for static files; for the loop's thread.

    Files change with the program, which is started again then.
    """

    def __init__(self, prefixes: Sequence[bytes], mailbox: Mailbox) -> None:
        """Take what the addresses of static files begin with."""
        self._prefixes = tuple(prefixes)
        self._mailbox = mailbox
        self._answers: dict[_Key, Answer] = {}

    def has(self, request: Request) -> bool:
        """Tell whether a request is for a static file, there or not."""
        return request.target.startswith(self._prefixes) and request.method in {b"GET", b"HEAD"}

    def answer(self, exchange: Exchange, ask: Handler) -> None:
        """Answer a request; `ask` asks the application."""
        request = exchange.request
        path = request.target.partition(b"?")[0]
        key = (path, _understands_gzip(request))
        known = self._answers.get(key)
        if known is not None:
            exchange.answer(_fitting(known, request))
            return
        plain = [pair for pair in request.headers if pair[0] not in _NOT_PASSED_ON]
        if key[1]:
            plain.append(_GZIP)
        ask(
            _Asking(
                exchange,
                Request(b"GET", path, request.version, plain, request.peer, id=request.id),
                self._mailbox,
                lambda answer: self._take(exchange, key, answer),
            )
        )

    def _take(self, exchange: Exchange, key: _Key, answer: Answer) -> None:
        request = exchange.request
        if answer.status != _OK:
            exchange.answer(_with_length(answer, request))
            return
        # The front sends no parts, whatever the application does.
        headers = [pair for pair in answer.headers if pair[0].lower() != b"accept-ranges"]
        answer = Answer(answer.status, headers, answer.body)
        if len(answer.body) <= _KEPT_BYTES and not any(part in key[0] for part in _DETOURS):
            self._answers[key] = answer
        exchange.answer(_fitting(answer, request))


class _Asking:
    """A request to the application, whose answer goes through our hands."""

    def __init__(
        self,
        exchange: Exchange,
        request: Request,
        mailbox: Mailbox,
        take: Callable[[Answer], None],
    ) -> None:
        self.request = request
        self._exchange = exchange
        self._mailbox = mailbox
        self.answer = take

    @property
    def is_wanted(self) -> bool:
        """Whether whoever asked for the file still waits."""
        return self._exchange.is_wanted

    def answer_soon(self, answer: Answer) -> None:
        """Hand the answer over, from any thread."""
        self._mailbox.post(lambda: self.answer(answer))

    def stream(self, head: Answer) -> Stream:
        """Collect what is too long to be passed on as a whole."""
        return _Collected(head, self.answer_soon)


class _Collected:
    """A stream whose pieces become one."""

    def __init__(self, head: Answer, whole: Callable[[Answer], None]) -> None:
        self._head = head
        self._whole = whole
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        """Take a piece."""
        self._pieces.append(piece)

    def end(self) -> None:
        """Hand all of it over."""
        self._whole(Answer(self._head.status, self._head.headers, b"".join(self._pieces)))

    def cut(self) -> None:
        """Say that it cannot be had."""
        self._whole(Answer(status_line(500), []))


def _understands_gzip(request: Request) -> bool:
    encodings = request.header(_ENCODING)
    return encodings is not None and bool(parse_accept_header(encodings.decode("latin-1"))["gzip"])


def _fitting(answer: Answer, request: Request) -> Answer:
    """Return the answer, or that the request's copy is as good. Source: RFC 9110, 13.2.2."""
    headers = {name.lower(): value for name, value in answer.headers}
    tags = request.header(b"if-none-match")
    if tags is not None:
        given = {tag.strip().removeprefix(b"W/") for tag in tags.split(b",")}
        is_known = bool(given & {b"*", headers.get(b"etag", b"").removeprefix(b"W/")})
    else:
        since = request.header(b"if-modified-since")
        is_known = since is not None and since == headers.get(b"last-modified")
    return Answer(_NOT_MODIFIED, answer.headers) if is_known else _with_length(answer, request)


def _with_length(answer: Answer, request: Request) -> Answer:
    if request.method != b"HEAD":
        return answer
    return Answer(answer.status, answer.headers, length=len(answer.body))
