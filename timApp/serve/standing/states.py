"""The state of the own session, which open pages ask for all the time.

Those who ask at the same moment are looked up together. If many ask, one look-up waits a moment for
the next ones: each costs as much for one question as for a few. Pages that ask how it stands with
them can wait so long; a proxy, which asks before it answers, cannot.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from timApp.guard.cookie import Claims, Cookies
from timApp.guard.verdict import Standing, Verdict
from timApp.guard.visitor import Visitor
from timApp.serve.http.mailbox import Mailbox
from timApp.serve.http.message import Answer, Exchange, Handler, Headers, status_line
from timApp.serve.standing.bearer import Bearers
from timApp.serve.standing.looks import Bearer, Looks

#: Questions that are looked up together at most, and so many that no more are waited for.
_TOGETHER, _ENOUGH = 64, 16
#: Seconds from one look-up to the next, unless there are enough questions.
_PAUSE = 0.005

_OK = status_line(200)

#: Says what is answered to the bearer of a cookie, on whom there is a verdict, while the exams of
#: that mark run; None if the application has to say it.
Say = Callable[[Claims, Verdict, str], Answer | None]


@dataclass(frozen=True)
class _Question:
    """What somebody asks, and who else answers it: if nobody has until then, nobody does."""

    bearer: Bearer
    say: Say
    #: Whether it waits for no others.
    is_urgent: bool
    until: float
    others: Handler


_Asked = tuple[Exchange, _Question]


class States:
    """Answers whoever asks for the state of their session; for the loop's thread."""

    def __init__(
        self,
        looks: Looks,
        cookies: Cookies,
        headers: Headers,
        mailbox: Mailbox,
        unavailable: Handler,
    ) -> None:
        """Take the headers of each answer, and what answers when nobody can tell."""
        self._looks = looks
        self._bearers = Bearers(cookies)
        self._headers: Headers = [
            (b"Content-Type", b"application/json"),
            *headers,
            (b"Cache-Control", b"no-store"),
            (b"Vary", b"Cookie"),
        ]
        self._mailbox = mailbox
        self._unavailable = unavailable
        # What has come just now.
        self._new: list[_Asked] = []
        # What waits to be looked up, in the order in which it came.
        self._waiting: dict[Exchange, _Question] = {}
        self._is_looking_up = self._is_timed = self._is_urgent = False
        self._next_at = 0.0
        # Those that are not answered.
        self._open: dict[Exchange, _Question] = {}

    def ask_state(self, exchange: Exchange, seconds: float, others: Handler) -> bool:
        """Take the question for a state (`STATE_TARGETS`); see `ask`."""
        return self.ask(exchange, partial(self._say_state, exchange), seconds, others)

    def ask(
        self,
        exchange: Exchange,
        say: Say,
        seconds: float,
        others: Handler,
        *,
        renews: bool = True,
        is_urgent: bool = False,
    ) -> bool:
        """Take a question, if it is somebody's; tell whether it was taken.

        `say` makes the answer. `others` is called instead for somebody who is logged out by now, or
        whose cookie has to be renewed, if the answer `renews` it. A question that is urgent waits
        for no others. Whoever was not answered after so many seconds is told so by `expire`.
        """
        claims = self._bearers.claims(exchange.request.headers)
        if claims is None:
            return False
        until = time.monotonic() + seconds
        question = _Question(Bearer(claims, renews), say, is_urgent, until, others)
        self._open[exchange] = question
        self._new.append((exchange, question))
        if len(self._new) == 1:
            # After all others that have come at the same moment.
            self._mailbox.loop.call_soon(self._take_new)
        return True

    def expire(self) -> None:
        """Tell those that were not answered in time."""
        now = time.monotonic()
        for exchange in [one for one, asked in self._open.items() if asked.until <= now]:
            del self._open[exchange]
            self._waiting.pop(exchange, None)
            self._unavailable(exchange)

    def _take_new(self) -> None:
        """Answer what has come at once, or let it wait to be looked up."""
        new = [one for one in self._new if one[0] in self._open]
        self._new = []
        exams = self._looks.exams_at_once()
        # First all looks, then all answers: whoever is answered asks again at once, and takes a
        # core away from the others' looks.
        verdicts = [None if exams is None else self._looks.at_once(one.bearer) for _, one in new]
        for (exchange, question), verdict in zip(new, verdicts, strict=True):
            if verdict is not None:
                del self._open[exchange]
                _say(exchange, question, verdict, exams or "")
            else:
                self._waiting[exchange] = question
                self._is_urgent |= question.is_urgent
        self._go_on()

    def _go_on(self) -> None:
        """Have questions looked up, now or when it is time."""
        if self._is_looking_up or not self._waiting:
            return
        now = self._mailbox.loop.time()
        if self._is_urgent or now >= self._next_at or len(self._waiting) >= _ENOUGH:
            self._is_looking_up = True
            self._is_urgent = len(self._waiting) > _TOGETHER and self._is_urgent
            self._next_at = now + _PAUSE
            questions = list(islice(self._waiting.items(), _TOGETHER))
            for exchange, _ in questions:
                del self._waiting[exchange]
            self._looks.look_up(
                [one.bearer for _, one in questions], partial(self._deliver, questions)
            )
        elif not self._is_timed:
            self._is_timed = True
            self._mailbox.loop.call_at(self._next_at, self._go_on_timed)

    def _go_on_timed(self) -> None:
        self._is_timed = False
        self._go_on()

    def _deliver(
        self,
        questions: Sequence[_Asked],
        verdicts: Sequence[Verdict | None] | None,
        exams: str,
    ) -> None:
        try:
            for number, (exchange, question) in enumerate(questions):
                if self._open.pop(exchange, None) is None:  # it has expired
                    continue
                if verdicts is None:
                    self._unavailable(exchange)
                    continue
                _say(exchange, question, verdicts[number], exams)
        finally:
            self._is_looking_up = False
            self._go_on()

    def _say_state(
        self, exchange: Exchange, claims: Claims, verdict: Verdict, exams: str
    ) -> Answer | None:
        if verdict.visitor is None:
            return None
        say = STATE_TARGETS[exchange.request.target]
        said = say(claims.session_id, verdict.visitor, verdict.standing, exams)
        return Answer(_OK, self._headers, _body(said))


def _say(exchange: Exchange, question: _Question, verdict: Verdict | None, exams: str) -> None:
    """Answer a question on which there is a verdict, or let others answer it."""
    answer = None
    if verdict is not None and verdict.visitor is not None:
        answer = question.say(question.bearer.claims, verdict, exams)
    if answer is None:
        question.others(exchange)
    else:
        exchange.answer(answer)


def _current(
    session_id: str | None, _visitor: Visitor, standing: Standing, _exams: str
) -> dict[str, object]:
    return {"sessionId": session_id, "valid": standing is Standing.VALID}


def _state(
    session_id: str | None, visitor: Visitor, standing: Standing, exams: str
) -> dict[str, object]:
    return {
        "attemptedAt": visitor.attempted_at,
        "exams": exams,
        "sessionId": session_id,
        "standing": standing.value,
        "username": visitor.name,
    }


#: The addresses that are answered here, as `timApp.auth.session.routes` does elsewhere; and what
#: each says.
STATE_TARGETS = {b"/user/sessions/current": _current, b"/user/sessions/state": _state}


def _body(said: dict[str, object]) -> bytes:
    return json.dumps(said, separators=(",", ":"), sort_keys=True).encode() + b"\n"
