"""Who does what cannot be taken back has proved lately who they are, or is asked to.

It is asked at the act itself, so that nothing has to be asked before a form is shown, no time is
allowed for filling it in, and a form that was open for hours is as good as a new one: what was sent
stands in the page that asks (`timApp.ui.confirm`), and is carried out with the password.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from flask import current_app, request

from timApp.auth.authenticate import WrongCredentials, authenticate
from timApp.auth.site import db
from timApp.auth.visitor import Visitor, cookie_session_id, current_visitor
from timApp.request.inputs import Inputs, current_request, current_view, declare
from timApp.user.factor.proof import has_proved, note_proof
from timApp.user.people import find_person
from timApp.util.errors import AccessDenied, AskAgain, TimError

_View = TypeVar("_View", bound=Callable[..., object])

_MARK = "_asks_again"
#: The field of a form that was sent again, with the password.
PASSWORD_FIELD = "confirm_password"  # noqa: S105 - the name of a field


class ProofRequired(AccessDenied):
    """Whoever asks has to prove again who they are."""

    def __init__(self, text: str, refused: TimError | None, *, keeps_form: bool) -> None:
        """`refused` is what is wrong with the proof that was given, if one was."""
        super().__init__(text)
        self.refused = refused
        #: Whether the form may be sent again with `PASSWORD_FIELD` in it.
        self.keeps_form = keeps_form


@dataclass(frozen=True)
class _Asked:
    """Who is asked at a view."""

    everybody: bool
    takes_password: bool


def asks_again(*, everybody: bool = False, takes_password: bool = True) -> Callable[[_View], _View]:
    """Let a view be for those who have proved lately who they are.

    Administrators are asked, if they have not; with `everybody`, whoever is logged in is. Others
    are left to the view. A view that has no form does not take the password along.
    """

    def mark(view: _View) -> _View:
        setattr(view, _MARK, _Asked(everybody, takes_password))
        if not takes_password:
            return view
        return declare(view, Inputs(body=frozenset({PASSWORD_FIELD})))

    return mark


def is_marked(view: Callable[..., object]) -> bool:
    """Tell whether a view asks."""
    return hasattr(view, _MARK)


def require_proof() -> None:
    """Raise `ProofRequired` if the view of the request asks, and there is no proof.

    For `Flask.before_request`. A form may bring the password along: that is a proof.
    """
    view = current_view()
    asked: _Asked | None = None if view is None else getattr(view, _MARK, None)
    visitor = None if asked is None else current_visitor()
    if asked is None or visitor is None or not (asked.everybody or visitor.is_admin):
        return
    if has_lately_proved(visitor):
        return
    keeps_form = asked.takes_password and current_request().method == "POST"
    password = request.form.get(PASSWORD_FIELD) if keeps_form else None
    if not password:
        raise _required(None, keeps_form=keeps_form)
    try:
        prove(visitor, password)
    except (WrongCredentials, AskAgain) as error:
        raise _required(error, keeps_form=keeps_form) from error


def _required(refused: TimError | None, *, keeps_form: bool) -> ProofRequired:
    return ProofRequired(
        "Prove first that it is still you: send your password to the address in confirm, or open it"
        " in your browser.",
        refused,
        keeps_form=keeps_form,
    )


def has_lately_proved(visitor: Visitor) -> bool:
    """Tell whether the visitor need not be asked.

    So it is with somebody who has no password of this site: there is nothing to ask them for.
    """
    lifetime = _lifetime()
    if lifetime is None or has_proved(db, visitor.id, cookie_session_id() or "", lifetime):
        return True
    person = find_person(db, visitor.name)
    return person is not None and person.password_hash is None


def prove(visitor: Visitor, password: str) -> None:
    """Note that the visitor has proved who they are, and commit it.

    `WrongCredentials` if it is not their password, which counts as a wrong one at the login does;
    otherwise as `timApp.auth.authenticate.authenticate`.
    """
    try:
        authenticate(visitor.name, password)
    except WrongCredentials as error:
        raise WrongCredentials("This is not your password.", field="password") from error
    remember_proof(visitor.id, cookie_session_id() or "")
    db.session.commit()


def remember_proof(user_id: int, session_id: str) -> None:
    """Note that somebody has proved in that session who they are. Nothing is committed."""
    lifetime = _lifetime()
    if lifetime is not None:
        note_proof(db, user_id, session_id, lifetime)


def _lifetime() -> timedelta | None:
    """Return for how long a proof counts; None if nobody is asked."""
    seconds: float | None = current_app.config["CONFIRM_SECONDS"]
    return None if seconds is None else timedelta(seconds=seconds)
