"""What comes of a login: its session, or why none begins."""

from dataclasses import dataclass
from enum import Enum

from timApp.guard.logins.beginning import Beginning
from timApp.guard.vocabulary import State
from timApp.util.errors import AccessDenied, BadInput
from timApp.util.text import quoted


@dataclass(frozen=True)
class Started:
    """The session of a login."""

    state: State
    session_id: str
    #: The number of its cookie; see `timApp.guard.rules.token`.
    token: int = 0


class Refusal(Enum):
    """Why a session does not begin."""

    USED_ID = "the id was used before"
    DISABLED = "the account is closed"
    OLD_CREDENTIALS = "the password was changed"


class AccountClosed(AccessDenied):
    """The person's account is closed, so that no session of theirs begins."""


class PasswordChanged(AccessDenied):
    """The password that somebody has shown is not theirs any more."""


def account_closed() -> AccountClosed:
    """Return the error for whoever logs in to an account that is closed."""
    return AccountClosed("This account is closed. Ask whoever runs this site to open it again.")


def require_started(beginning: Beginning, outcome: Started | Refusal) -> Started:
    """Return the session of a login.

    `AccountClosed`, `PasswordChanged`, or `BadInput` (field ``session_id``) for a used id, if there
    is none.
    """
    if outcome is Refusal.DISABLED:
        raise account_closed()
    if outcome is Refusal.OLD_CREDENTIALS:
        raise PasswordChanged("The password was changed meanwhile. Log in with the new one.")
    if outcome is Refusal.USED_ID:
        raise BadInput(
            "%(name)s has had a session %(session)s before; ids are not used again.",
            field="session_id",
            name=quoted(beginning.user_name),
            session=quoted(beginning.session_id),
        )
    assert isinstance(outcome, Started)  # noqa: S101 - narrows the type for mypy
    return outcome
