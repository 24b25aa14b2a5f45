"""Whoever asks the server in the process of the tests, without a connection."""

from timApp.serve.http.message import Answer, Request, Stream


class Caller:
    """An exchange that keeps what it is answered, if that is no stream."""

    is_wanted = True

    def __init__(self, target: bytes = b"/") -> None:
        self.request = Request(b"GET", target, "1.1", [(b"host", b"a")], ("192.0.2.1", 4711))
        self.answers: list[Answer] = []

    def answer(self, answer: Answer) -> None:
        """Keep the answer."""
        self.answers.append(answer)

    def answer_soon(self, answer: Answer) -> None:
        """Keep the answer."""
        self.answer(answer)

    def stream(self, head: Answer) -> Stream:
        """Fail: nothing that is asked for here is that long."""
        raise NotImplementedError(head.status)
