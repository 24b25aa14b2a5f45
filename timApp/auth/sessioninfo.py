"""Who is asking: the visitor behind the request's cookie, and the actor behind a change."""

import getpass
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import g, has_app_context, has_request_context, request, session
from flask_login import LoginManager, UserMixin, current_user

from timApp.auth.session.change import ActorKind
from timApp.auth.session.model import UserSession
from timApp.auth.session.policy import is_seen_due
from timApp.timdb.quickread import QuickRead
from timApp.timdb.quickwrite import QuickWrite
from timApp.timdb.sqa import LostInCrash
from timApp.user.user import User
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP, UserGroup, membership
from timApp.util.clock import now

#: Key of the session id in the cookie.
SESSION_ID_KEY = "session_id"


class _Logins(LoginManager):
    def _session_protection_failed(self) -> bool:
        # Binding a login to address and browser would log out whoever changes networks, and adds
        # no safety to a signed cookie whose session can be ended at any time. Told by the option
        # alone, each request would work out what the login would be bound to.
        return False


login_manager = _Logins()
login_manager.session_protection = None


# Not frozen: that would triple what it takes to make one, at each request.
@dataclass(eq=False)
class Visitor(UserMixin):
    """A logged-in person and their session, as they were when the request began."""

    id: int
    name: str
    real_name: str
    is_admin: bool
    is_supervisor: bool
    #: Whether there is a session of the cookie's id; there is none from before the tracking.
    session_is_known: bool
    #: Whether that session is not expired.
    session_is_active: bool


def _is_member(user_id: sa.ColumnElement[int], group_name: str) -> sa.ColumnElement[bool]:
    return (
        sa.select(membership.c.user_id)
        .join(UserGroup, UserGroup.id == membership.c.usergroup_id)
        .where(
            membership.c.user_id == user_id,
            UserGroup.name == group_name,
            UserGroup.personal_user_id.is_(None),
        )
        .exists()
    )


def person_columns(user_id: sa.ColumnElement[int]) -> tuple[Any, ...]:
    """Return the columns that a `Visitor` is made of, but for the session."""
    return (
        User.id,
        User.name,
        User.real_name,
        _is_member(user_id, ADMIN_GROUP).label("is_admin"),
        _is_member(user_id, SUPERVISOR_GROUP).label("is_supervisor"),
    )


# One statement, built once, says all that a request needs to know of its visitor.
_visitor_query = QuickRead(
    sa.select(
        # Said by number, and not as the user's of the row, so that it is known before a row is
        # read where it is to be found: in one part of a table that is cut by user.
        *person_columns(sa.bindparam("user_id", type_=sa.Integer())),
        UserSession.session_id,
        UserSession.expired_at.is_(None).label("is_not_expired"),
        UserSession.last_seen_at,
    )
    .outerjoin(
        UserSession,
        sa.and_(
            UserSession.user_id == User.id, UserSession.session_id == sa.bindparam("session_id")
        ),
    )
    .where(User.id == sa.bindparam("user_id"), UserSession.logged_out_at.is_(None))
)

# Passes over a session that is being changed: the next request will do.
_is_seen = sa.and_(
    UserSession.user_id == sa.bindparam("of_user"),
    UserSession.session_id == sa.bindparam("of_session"),
)
_unlocked = (
    sa.select(UserSession.session_id)
    .where(_is_seen, LostInCrash())
    .with_for_update(skip_locked=True, key_share=True)
)
_seen_update = (
    sa.update(UserSession)
    .where(_is_seen, UserSession.session_id.in_(_unlocked))
    .values(last_seen_at=sa.bindparam("moment"))
)
_write_seen = QuickWrite(_seen_update)


@login_manager.user_loader
def load_visitor(user_id: str) -> Visitor | None:
    """Return the visitor behind the cookie, or None: unknown, or the session is logged out.

    A cookie that outlives its logout (a copy of it, say) is nobody's. Writes down now and then
    that the session was seen, as the same query tells when it is time.
    """
    # Not through the proxy, which takes longer than the cookie does.
    cookie = session._get_current_object()  # type: ignore[attr-defined]
    row = _visitor_query.first({"user_id": int(user_id), "session_id": cookie.get(SESSION_ID_KEY)})
    if row is None:
        return None
    is_known = row.session_id is not None
    is_active = is_known and row.is_not_expired
    if is_known:
        moment = now()
        if is_seen_due(row.last_seen_at, moment, is_active=is_active):
            _write_seen.make_if_free(
                {"of_user": row.id, "of_session": row.session_id, "moment": moment}
            )
    return Visitor(
        id=row.id,
        name=row.name,
        real_name=row.real_name,
        is_admin=row.is_admin,
        is_supervisor=row.is_supervisor,
        session_is_known=is_known,
        session_is_active=is_active,
    )


def current_visitor() -> Visitor | User | None:
    """Return who is logged in, or None for anonymous visitors and outside a request.

    A `User` only in the request that logs them in.
    """
    if not has_request_context():
        return None
    # Each look through the proxy costs; anonymous visitors are of another class.
    visitor: Any = current_user._get_current_object()
    return visitor if isinstance(visitor, (Visitor, User)) else None


def cookie_session_id() -> str | None:
    """Return the session id of the cookie, whoever it belongs to; None if there is none."""
    session_id = session.get(SESSION_ID_KEY)
    return session_id if isinstance(session_id, str) else None


@dataclass(frozen=True)
class Actor:
    """Who makes a change, for the record of changes."""

    kind: ActorKind
    name: str
    address: str | None


def act_as(kind: ActorKind, name: str) -> None:
    """Note who makes the changes from here on in this request, if it is not the visitor."""
    g.actor = Actor(kind, name, request.remote_addr)


def current_actor() -> Actor:
    """Return who makes the changes: see `act_as`, the visitor, or who sits at the command line.

    The name is empty in a request in which nobody is logged in.
    """
    if has_app_context() and "actor" in g:
        actor = g.actor
        assert isinstance(actor, Actor)  # noqa: S101 - narrows the type for mypy
        return actor
    if has_request_context():
        visitor = current_visitor()
        return Actor(ActorKind.USER, visitor.name if visitor else "", request.remote_addr)
    return Actor(ActorKind.COMMAND_LINE, _system_user(), None)


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "unknown"
