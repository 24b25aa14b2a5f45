"""Whose sessions somebody who looks after others may change."""

from timApp.guard.vocabulary import Action
from timApp.util.errors import AccessDenied


def require_authority(
    action: Action, *, actor_is_admin: bool, subject_is_admin: bool, is_own: bool
) -> None:
    """Check that a supervisor may change the sessions of a person; `AccessDenied` otherwise.

    Administrators may change everybody's.
    """
    if actor_is_admin:
        return
    if subject_is_admin:
        raise AccessDenied("Only administrators may change the sessions of administrators.")
    if is_own and action is Action.VERIFY:
        raise AccessDenied("Another supervisor or an administrator has to verify your session.")
