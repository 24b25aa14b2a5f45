"""Who does what cannot be taken back has proved lately who they are, or is asked to.

It is asked at the act itself, so that nothing has to be asked before a form is shown, no time is
allowed for filling it in, and a form that was open for hours is as good as a new one: what was sent
stands in the page that asks (`timApp.ui.confirm`), and is carried out with the password.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, TypeVar

from flask import current_app, request

from timApp.auth.authenticate import WrongCredentials, authenticate, note_failure
from timApp.auth.factor.ceremony import PasskeyRefused, verify_use
from timApp.auth.oidc.provider import current_provider, has_provider
from timApp.auth.site import db
from timApp.auth.visitor import Visitor, cookie_session_id, current_visitor, is_program
from timApp.request.inputs import Inputs, current_request, current_view, declare
from timApp.user.factor.challenge import Purpose
from timApp.user.factor.passkey import has_passkey
from timApp.user.factor.proof import has_proved, note_proof
from timApp.user.federated import FederatedLogin, find_login
from timApp.user.people import find_person
from timApp.util.errors import AccessDenied, AskAgain, TimError

_View = TypeVar("_View", bound=Callable[..., object])

_MARK = "_asks_again"
#: The fields of a form that was sent again, with the password or what a passkey has signed.
PASSWORD_FIELD, CREDENTIAL_FIELD = "confirm_password", "confirm_credential"
PROOF_FIELDS = frozenset((PASSWORD_FIELD, CREDENTIAL_FIELD))


class ProofRequired(AccessDenied):
    """Whoever asks has to prove again who they are."""

    def __init__(self, text: str, refused: TimError | None, *, keeps_form: bool) -> None:
        """`refused` is what is wrong with the proof that was given, if one was."""
        super().__init__(text)
        self.refused = refused
        #: Whether the form may be sent again with one of `PROOF_FIELDS` in it.
        self.keeps_form = keeps_form


@dataclass(frozen=True)
class _Asked:
    """Who is asked at a view."""

    everybody: bool
    takes_proof: bool


def asks_again(*, everybody: bool = False, takes_proof: bool = True) -> Callable[[_View], _View]:
    """Let a view be for those who have proved lately who they are.

    Administrators are asked, if they have not; with `everybody`, whoever is logged in is. Others
    are left to the view. A view that has no form does not take the password along.
    """

    def mark(view: _View) -> _View:
        setattr(view, _MARK, _Asked(everybody, takes_proof))
        if not takes_proof:
            return view
        return declare(view, Inputs(body=PROOF_FIELDS))

    return mark


def is_marked(view: Callable[..., object]) -> bool:
    """Tell whether a view asks."""
    return hasattr(view, _MARK)


def require_proof() -> None:
    """Raise `ProofRequired` if the view of the request asks, and there is no proof.

    For `Flask.before_request`. A form may bring the proof along.
    """
    view = current_view()
    asked: _Asked | None = None if view is None else getattr(view, _MARK, None)
    visitor = None if asked is None else current_visitor()
    if asked is None or visitor is None or not (asked.everybody or visitor.is_admin):
        return
    # Whoever made a program's token has proved it then.
    if is_program() or has_lately_proved(visitor):
        return
    keeps_form = asked.takes_proof and current_request().method == "POST"
    password, credential = request.form.get(PASSWORD_FIELD), request.form.get(CREDENTIAL_FIELD)
    if not keeps_form or not (password or credential):
        raise _required(None, keeps_form=keeps_form)
    try:
        prove(visitor, password, credential)
    except (WrongCredentials, PasskeyRefused, AskAgain) as error:
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

    So it is with somebody who has no password of this site, no passkey and no login by the site's
    identity provider: there is nothing to ask them for.
    """
    lifetime = _lifetime()
    if lifetime is None or has_proved(db, visitor.id, cookie_session_id() or "", lifetime):
        return True
    return not any(ways_to_prove(visitor))


class Ways(NamedTuple):
    """By what somebody can prove who they are."""

    password: bool
    passkey: bool
    #: The site's identity provider, by which they have logged in, can ask them again.
    provider: bool


def ways_to_prove(visitor: Visitor) -> Ways:
    """Return by what the visitor can prove who they are."""
    person = find_person(db, visitor.name)
    has_password = person is None or person.password_hash is not None
    return Ways(has_password, has_passkey(db, visitor.id), own_word(visitor) is not None)


def own_word(visitor: Visitor) -> FederatedLogin | None:
    """Return by which word of the site's identity provider the visitor is here; None for none."""
    if not has_provider():
        return None
    found = find_login(db, visitor.id, cookie_session_id() or "")
    return None if found is None or found.issuer != current_provider().issuer else found


def prove(visitor: Visitor, password: str | None, credential: str | None = None) -> None:
    """Note that the visitor has proved who they are, and commit it.

    By what their passkey has signed, in a browser's JSON, or else by their password.
    `WrongCredentials` if that is not theirs, which counts as a wrong one at the login does,
    otherwise as `timApp.auth.authenticate.authenticate`; `PasskeyRefused`, which is recorded, as
    `timApp.auth.factor.ceremony.verify_use`.
    """
    session_id = cookie_session_id() or ""
    if credential:
        use_passkey(visitor.id, visitor.name, Purpose.CONFIRM, session_id, credential)
    else:
        try:
            authenticate(visitor.name, password or "")
        except WrongCredentials as error:
            raise WrongCredentials("This is not your password.", field="password") from error
    remember_proof(visitor.id, session_id)
    db.session.commit()


def use_passkey(
    user_id: int, user_name: str, purpose: Purpose, bound_to: str, credential: str
) -> None:
    """Note that a passkey was used, as `verify_use`; one that is refused is recorded and logged."""
    try:
        verify_use(user_id, purpose, bound_to, credential)
    except PasskeyRefused:
        db.session.rollback()
        note_failure(user_id, user_name)
        db.session.commit()
        raise


def remember_proof(user_id: int, session_id: str) -> None:
    """Note that somebody has proved in that session who they are. Nothing is committed."""
    lifetime = _lifetime()
    if lifetime is not None:
        note_proof(db, user_id, session_id, lifetime)


def _lifetime() -> timedelta | None:
    """Return for how long a proof counts; None if nobody is asked."""
    seconds: float | None = current_app.config["CONFIRM_SECONDS"]
    return None if seconds is None else timedelta(seconds=seconds)
