"""People whom an identity provider vouches for, and the logins that began by its word.

A provider knows somebody by a subject that never changes; names do. So who was linked once is known
by the subject, whatever the provider calls them later.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.engine import begin_write
from timApp.database.model import Model
from timApp.database.work import UnitOfWork
from timApp.user.people import Identity, Person, find_person, remember
from timApp.user.user import User
from timApp.util.clock import now
from timApp.util.errors import AccessDenied
from timApp.util.text import quoted


@dataclass(frozen=True)
class Word:
    """By whose word a login begins, and whom they mean."""

    #: Each issuer has subjects of its own. That of an OpenID provider is what it calls itself.
    issuer: str
    subject: str
    #: The issuer's own session; None if it does not tell.
    provider_session: str | None = None


class FederatedIdentity(Model):
    """Whom a provider means by a subject."""

    __tablename__ = "federatedidentity"

    issuer: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    subject: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), index=True)
    linked_at: orm.Mapped[datetime] = orm.mapped_column(default=now)


class FederatedLogin(Model):
    """A session that began by the word of a provider, which may end it."""

    __tablename__ = "federatedlogin"

    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), primary_key=True)
    session_id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    issuer: orm.Mapped[str]
    subject: orm.Mapped[str]
    #: The provider's own session; None if it does not tell.
    provider_session: orm.Mapped[str | None]
    began_at: orm.Mapped[datetime] = orm.mapped_column(default=now)

    __table_args__ = (sa.Index("ix_federatedlogin_subject", "issuer", "subject"),)


class NotLinked(AccessDenied):
    """There is an account of the name already, and nobody has said that it is the same person."""


@dataclass(frozen=True)
class Meant:
    """Whom a provider means."""

    person: Person
    #: As they were before what it says of them was remembered; None for somebody new.
    before: Person | None


def person_of(work: UnitOfWork, word: Word, identity: Identity, *, links_by_name: bool) -> Meant:
    """Return whom a provider means by a subject, remembered with what it says of them.

    Somebody new is linked: made, if nobody has the name; and to who has it, if `links_by_name`, or
    if they have no other way to log in, as somebody of a class list. `NotLinked` otherwise: then a
    name of the provider's would open another person's account. Nothing is committed. Other errors
    are those of `remember`.
    """
    begin_write(work.session.connection())
    linked = work.session.get(FederatedIdentity, (word.issuer, word.subject))
    if linked is not None:
        name = work.session.scalars(sa.select(User.name).where(User.id == linked.user_id)).one()
        known = Identity(name, identity.real_name, identity.email, identity.groups)
        before = find_person(work, name)
        return Meant(remember(work, known), before)
    there = find_person(work, identity.name)
    if there is not None and not links_by_name and _has_another_way(work, there):
        raise NotLinked(
            "There is an account %(name)s here already, with a login of its own. Ask those who run"
            " the site whether it is yours.",
            name=quoted(identity.name),
        )
    person = remember(work, identity)
    if person.is_deleted:  # nothing is remembered of them any more
        return Meant(person, there)
    work.session.add(FederatedIdentity(issuer=word.issuer, subject=word.subject, user_id=person.id))
    work.session.flush()
    return Meant(person, there)


def note_login(work: UnitOfWork, user_id: int, session_id: str, word: Word) -> None:
    """Note by whose word a session began, or went on in its browser. Nothing is committed."""
    work.session.merge(
        FederatedLogin(
            user_id=user_id,
            session_id=session_id,
            issuer=word.issuer,
            subject=word.subject,
            provider_session=word.provider_session,
        )
    )
    work.session.flush()


def find_login(work: UnitOfWork, user_id: int, session_id: str) -> FederatedLogin | None:
    """Return by whose word a session began; None for the site's own."""
    return work.session.get(FederatedLogin, (user_id, session_id))


def logins_of(
    work: UnitOfWork, issuer: str, subject: str | None, provider_session: str | None
) -> list[tuple[str, int, str]]:
    """Return user name, user id and session id of the logins that a provider means.

    Those of its session, if it names one; else all of the subject.
    """
    query = (
        sa.select(User.name, FederatedLogin.user_id, FederatedLogin.session_id)
        .join(User, User.id == FederatedLogin.user_id)
        .where(FederatedLogin.issuer == issuer)
    )
    if subject is not None:
        query = query.where(FederatedLogin.subject == subject)
    if provider_session is not None:
        query = query.where(FederatedLogin.provider_session == provider_session)
    return [
        (name, user_id, session_id) for name, user_id, session_id in work.session.execute(query)
    ]


def _has_another_way(work: UnitOfWork, person: Person) -> bool:
    is_linked = sa.exists().where(FederatedIdentity.user_id == person.id)
    return person.password_hash is not None or bool(work.session.scalar(sa.select(is_linked)))
