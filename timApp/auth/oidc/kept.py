"""What a provider has vouched for, while the browser still has to show a passkey."""

from flask import session

from timApp.auth.oidc.provider import Vouched
from timApp.auth.site import db
from timApp.guard import Begun
from timApp.user.federated import note_login

_KEY = "oidc_vouched"


def keep_vouched(vouched: Vouched) -> None:
    """Remember in the browser, which can read it, by whose word its login is to begin."""
    session[_KEY] = [vouched.issuer, vouched.subject, vouched.provider_session]


def kept_vouched() -> list[str | None] | None:
    """Return what was remembered; None for a login with a password."""
    kept = session.get(_KEY)
    return kept if isinstance(kept, list) else None


def note_vouched(begun: Begun, kept: list[str | None] | None) -> None:
    """Note by whose word a session began, if it did by anybody's. Nothing is committed."""
    if kept is not None:
        issuer, subject, provider_session = kept
        note_login(
            db,
            begun.person.id,
            begun.session_id,
            issuer or "",
            subject or "",
            provider_session,
        )
