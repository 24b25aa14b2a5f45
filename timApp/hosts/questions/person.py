"""Asks the other hosts for the sessions of one person, of whom this server may know nothing."""

from collections.abc import Container, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime

from timApp.database.work import UnitOfWork
from timApp.hosts.questions.hostview import read_views
from timApp.hosts.questions.polling import hosts_to_ask, question_timeout
from timApp.hosts.questions.wire import PersonSessions, read_person
from timApp.net.call import Call, Reply, call_soon
from timApp.net.network import Host, Network
from timApp.net.peer import Contact, note_contacts
from timApp.util.clock import now
from timApp.util.text import is_storable

#: Seconds for a host that is known to fail: if it is back it answers at once, and if it is not,
#: nobody has to wait for it at every person that they look at.
FAILING_TIMEOUT = 0.5
#: Seconds until an answer, or that there is none, has come from the thread of the connections.
_MARGIN = 1


@dataclass(frozen=True)
class HostAnswer:
    """What a host told about a person, or why it did not."""

    host: Host
    #: None if it knows nobody of that name, or has not answered.
    person: PersonSessions | None = None
    #: What went wrong, in one line; None if it has answered.
    error: str | None = None
    #: Whether that is because it does not know the question.
    is_unsigned: bool = False


def ask_about(
    network: Network, work: UnitOfWork, username: str, session_id: str | None
) -> list[HostAnswer]:
    """Ask all hosts at once for the person's sessions, that session among them if it is there.

    Takes at most as long as `timApp.hosts.questions.polling.question_timeout` says, and a host that
    has failed to tell who waits there gets only `FAILING_TIMEOUT`. Without hosts, or a secret to
    send, nobody is asked. Ends the transaction of the work.
    """
    hosts = hosts_to_ask(network)
    if not hosts or not is_storable(username):
        return []
    failing = {view.host for view in read_views(work, hosts, now()) if view.error is not None}
    work.session.rollback()  # no connection is held while hosts take their time
    content = {"username": username, "session_id": session_id}
    replies = list(zip(hosts, _ask_all(network, hosts, content, failing), strict=True))
    moment = now()
    answers = [understand_answer(host, reply, moment) for host, reply in replies]
    # A host that does not sign has not failed: it only does not know the question.
    contacts = [
        Contact(answer.host, answer.error, reply.signs)
        for answer, (_, reply) in zip(answers, replies, strict=True)
        if not answer.is_unsigned
    ]
    with work.engine.begin() as connection:
        note_contacts(connection, contacts)
    return answers


def _ask_all(
    network: Network, hosts: Sequence[Host], content: Mapping[str, object], failing: Container[Host]
) -> list[Reply]:
    limit = question_timeout(network)
    replies: list[Future[Reply]] = [Future() for _ in hosts]
    for host, reply in zip(hosts, replies, strict=True):
        deadline = min(limit, FAILING_TIMEOUT) if host in failing else limit
        call_soon(network, Call(host, "/hosts/sessions", content), deadline, reply.set_result)
    wait(replies, limit + _MARGIN)
    return [reply.result() if reply.done() else Reply("no answer.") for reply in replies]


def understand_answer(host: Host, reply: Reply, moment: datetime) -> HostAnswer:
    """Return what a host told that was asked about a person."""
    if reply.is_unknown_there:
        return HostAnswer(host)
    if reply.error is not None:
        return HostAnswer(host, error=reply.error, is_unsigned=reply.is_unsigned)
    person = read_person(reply.content, moment)
    if person is None:
        return HostAnswer(host, error="answered, but not with sessions; check its address.")
    return HostAnswer(host, person)


def failed(answers: Sequence[HostAnswer]) -> list[HostAnswer]:
    """Return the answers of the hosts of which it stays unknown whether they know the person."""
    return [answer for answer in answers if answer.error is not None]
