"""The site that answers a request: its guard, its database session, its word to other servers."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction

import sqlalchemy as sa
from flask import Flask, current_app, g
from flask.sansio.app import App
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import orm

from timApp.database.readiness import Readiness
from timApp.guard import Guard
from timApp.guard.exams.receipt import HandInReceipts
from timApp.guard.rules.clocks import Clocks
from timApp.guard.seats.link import SeatLinks
from timApp.guard.waiting.link import Links
from timApp.net.network import Network
from timApp.net.note import ChangeNote
from timApp.user.attempts.throttle import Throttle
from timApp.util.tally import Tally

_EXTENSION = "timapp"


@dataclass(frozen=True)
class Caller:
    """Who asks on a route that other hosts share with administrators."""

    #: Whether it is a host; if not, an administrator.
    is_host: bool
    #: Whether the request was signed, so that the answer can say more than hosts of TIM know.
    signs: bool = False
    #: What a host that signs says of a change.
    note: ChangeNote | None = None


@dataclass(frozen=True)
class Site:
    """What an application is made of, read once at its start."""

    guard: Guard
    links: Links
    seat_links: SeatLinks
    receipts: HandInReceipts
    throttle: Throttle
    network: Network
    readiness: Readiness
    #: What its processes count.
    tally: Tally
    #: Lets another server or an administrator in, see `timApp.hosts.access`.
    verify_host_or_admin: Callable[[str | None], Caller]
    #: Tells other servers, see `timApp.hosts.distribution`.
    distribute: Callable[[str, str, str | None, list[str]], list[str]]


def add_site(app: Flask, site: Site) -> None:
    """Let the application be this site."""
    app.extensions[_EXTENSION] = site


def current_site() -> Site:
    """Return the site of the current application."""
    # Not through the proxy, which takes longer than the rest.
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    site: Site = app.extensions[_EXTENSION]
    return site


def current_guard() -> Guard:
    """Return the guard of the current application."""
    return current_site().guard


def current_clocks() -> Clocks:
    """Return what ends sessions by the clock on the current site."""
    return current_guard().options.clocks


class Database(SQLAlchemy):
    """The unit of work of the application context; see `timApp.database.work`.

    The extension, without what it does for asynchronous sessions.
    """

    def init_app(self, app: App) -> None:
        """Set the application up; see the extension."""
        super().init_app(app)
        # There are no such sessions; looking for them at the end of each request would start an
        # event loop, which takes longer than all the rest of a cheap request.
        app.teardown_appcontext_funcs[:] = [
            close for close in app.teardown_appcontext_funcs if not iscoroutinefunction(close)
        ]

    @property
    def engine(self) -> sa.Engine:
        """The database, which is the guard's."""
        return current_site().guard.engine

    def get_session(self, name: str = "default") -> orm.Session:
        """Return the session of the application context, made when it is first wanted."""
        g.has_database_session = True
        return super().get_session(name)

    def is_in_transaction(self) -> bool:
        """Tell whether `session` is in a transaction; makes no session for it."""
        # Asked at each read: to look through the proxy would take several times as long.
        context = g._get_current_object()
        return "has_database_session" in context and self.session.in_transaction()


db = Database()
