"""The load: desks, each with an administrator, a supervisor and students of its own."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

from tests.site import PASSWORD
from tests.storm.exchange import Departure, NoAnswerError, Question, Reply, ask
from tests.storm.ledger import Ledger, is_acknowledgement
from tests.storm.timing import Cuts, Timing
from timApp.guard.vocabulary import Action

#: Seconds until a desk that got no answer tries something else.
_PAUSE = 0.2
#: Browsers that a student has at most before one of them logs out.
_BROWSERS = 6
#: How often each thing is done, beside the others. Now and then everybody's sessions are verified.
_CHOICES = {
    Action.LOGIN: 30,
    Action.VERIFY: 40,
    Action.INVALIDATE: 15,
    Action.LOGOUT: 14,
    Action.VERIFY_ALL: 1,
}


@dataclass(frozen=True)
class Login:
    """A browser that somebody is logged in with."""

    session_id: str
    cookie: str
    csrf_token: str


@dataclass(frozen=True)
class Staff:
    """The names of the people at one desk."""

    admin: str
    supervisor: str
    students: Sequence[str]


def staff_of(desks: int, students: int) -> list[Staff]:
    """Return the names of the people at so many desks, with so many students each."""
    return [
        Staff(
            f"admin-{number}",
            f"supervisor-{number}",
            [f"student-{number}-{one}" for one in range(students)],
        )
        for number in range(desks)
    ]


@dataclass
class Desk:
    """One that acts, one act after the other, until it is told to stop."""

    port: int
    ledger: Ledger
    staff: Staff
    timing: Timing
    cuts: Cuts
    chance: random.Random
    stopped: Event = field(default_factory=Event)
    _logins: dict[str, list[Login]] = field(default_factory=lambda: defaultdict(list))

    def start(self) -> Thread:
        """Begin to act, in a thread of its own."""
        thread = Thread(target=self._run, name=self.staff.admin, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        for action in self._actions():
            if self.stopped.is_set():
                return
            try:
                self._do(action)
            except NoAnswerError:
                self.stopped.wait(_PAUSE)

    def _actions(self) -> Iterator[Action]:
        names, weights = list(_CHOICES), list(_CHOICES.values())
        while True:
            yield from self.chance.choices(names, weights)

    def _do(self, action: Action) -> None:
        student = self.chance.choice(self.staff.students)
        logins = self._logins[student]
        if action is Action.LOGIN and len(logins) >= _BROWSERS:
            action = Action.LOGOUT
        match action:
            case Action.VERIFY_ALL:
                self._change(self.staff.admin, action, "", None, "/user/sessions/verifyAll")
            case Action.LOGOUT if logins:
                login = logins.pop(self.chance.randrange(len(logins)))
                self._ask(
                    action,
                    student,
                    login.session_id,
                    Question("/logout", cookie=login.cookie, csrf_token=login.csrf_token),
                )
            case Action.VERIFY | Action.INVALIDATE if logins:
                chosen = self.chance.choice(logins).session_id
                if self.chance.random() < 0.5:
                    self._change_as_supervisor(action, student, chosen)
                else:
                    self._change_as_admin(action, student, chosen)
            case _:
                self._log_in(student)

    def _change_as_admin(self, action: Action, student: str, chosen: str | None) -> None:
        if self.chance.random() < 0.2:
            chosen = None  # the latest, or all
        path = f"/user/sessions/{student}/{action.value}"
        named = {} if chosen is None else {"session_id": chosen}
        self._change(self.staff.admin, action, student, chosen, path, json=named)

    def _change_as_supervisor(self, action: Action, student: str, chosen: str) -> None:
        form = {"user": student, "session_id": chosen, "reason": "storm"}
        path = f"/supervise/{action.value}"
        self._change(self.staff.supervisor, action, student, chosen, path, form=form)

    def _change(
        self,
        actor: str,
        action: Action,
        person: str,
        chosen: str | None,
        path: str,
        *,
        json: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> None:
        login = next(iter(self._logins[actor]), None) or self._log_in(actor)
        if login is None:
            return
        question = Question(path, form, json, login.cookie, login.csrf_token)
        reply = self._ask(action, person, chosen, question)
        if not is_acknowledgement(reply.status):
            self._logins[actor].clear()  # another session of theirs may be the one that counts

    def _log_in(self, name: str) -> Login | None:
        fields = {"username": name, "password": PASSWORD}
        reply = self._ask(Action.LOGIN, name, None, Question("/login", json=fields))
        if reply.status != 200:
            return None
        login = Login(reply.json["sessionId"], reply.cookie, reply.json["csrfToken"])
        self._logins[name].append(login)
        return login

    def _ask(self, action: Action, person: str, named: str | None, question: Question) -> Reply:
        """Write it down, ask, and write the answer down."""
        cut = self.cuts.take()
        departure = cut and Departure(cut, self.chance.random() < 0.5, self.chance.random())
        act = self.ledger.note(action, person, named)
        try:
            reply = ask(self.port, question, act.mark, departure)
        except NoAnswerError:
            if cut is not None:
                self.cuts.made()
            raise
        is_login = action is Action.LOGIN and reply.status == 200
        self.ledger.mark_answered(act, reply.status, reply.json["sessionId"] if is_login else None)
        if is_acknowledgement(reply.status):
            self.timing.answered(self.staff.admin, act.sent)
        elif reply.status >= 500:
            raise NoAnswerError(str(reply.status))
        return reply
