"""Programs: whoever shows an API token in place of the cookie of a login.

A program may do what its person may, as far as the scope of the token goes, and only where a view
says so (`open_to_tokens`): pages and documents are for people. It has no session, so it waits for
no supervisor; it is shut out by ending the token, or by closing the person's account. A cookie that
comes beside a token says nothing.
"""

from collections.abc import Callable
from typing import TypeVar

from flask import g

from timApp.auth.site import current_guard, db
from timApp.auth.visitor import Program, shown_token
from timApp.guard.cookie import Claims
from timApp.request.inputs import current_view
from timApp.user.apitoken import TokenScope, find_token, note_token_used
from timApp.util.errors import AccessDenied

_View = TypeVar("_View", bound=Callable[..., object])

_MARK = "_open_to_tokens"


class InvalidToken(AccessDenied):
    """What was shown is no token, or one that is good no more."""

    status = 401


def open_to_tokens(scope: TokenScope) -> Callable[[_View], _View]:
    """Let programs ask a view whose token has at least that scope."""

    def mark(view: _View) -> _View:
        setattr(view, _MARK, scope)
        return view

    return mark


def scope_of_view(view: Callable[..., object]) -> TokenScope | None:
    """Return the scope that a view is open to; None if it is for people alone."""
    scope: TokenScope | None = getattr(view, _MARK, None)
    return scope


def take_token() -> None:
    """Take a program for its person, if one asks; for `Flask.before_request`.

    `InvalidToken` for what is no good token, also for one whose person's account is closed;
    `AccessDenied` where no token is taken, or one of a wider scope.
    """
    text = shown_token()
    if text is None:
        return
    token = find_token(db, text)
    person = None if token is None else Claims(token.user_id, None)
    program = None if person is None else current_guard().visitors.find(person, Program)
    if token is None or program is None:
        raise InvalidToken("This token is not known here, or was ended.")
    view = current_view()
    wanted = None if view is None else scope_of_view(view)
    if view is not None and wanted is None:
        raise AccessDenied("Programs get nothing at this address: it is for people who log in.")
    if wanted is not None and not token.scope.covers(wanted):
        raise AccessDenied(
            "This token has the scope %(scope)s, and %(wanted)s is needed for that.",
            scope=token.scope.value,
            wanted=wanted.value,
        )
    if note_token_used(db, token):
        db.session.commit()
    # There is none that could be blocked.
    program.session_is_active = True
    g.program = program
