"""Whether whoever asks may decide about somebody's sessions."""

from timApp.auth.site import db
from timApp.auth.visitor import Visitor
from timApp.guard.rules.authority import require_authority
from timApp.guard.vocabulary import Action
from timApp.ui.words import error_words
from timApp.user.people import find_person
from timApp.user.usergroup import ADMIN_GROUP
from timApp.util.errors import AccessDenied


def require_authority_over(name: str, action: Action, visitor: Visitor) -> None:
    """Check that the visitor may do that to the sessions of whoever has the name.

    `AccessDenied` if not; nobody of this server is anybody's to decide about.
    """
    person = find_person(db, name)
    require_authority(
        action,
        actor_is_admin=visitor.is_admin,
        subject_is_admin=person is not None and ADMIN_GROUP in person.groups,
        is_own=person is not None and person.id == visitor.id,
    )


def denial_of(name: str, action: Action, visitor: Visitor) -> str | None:
    """Return why the visitor may not do that, in the reader's language; None if they may."""
    try:
        require_authority_over(name, action, visitor)
    except AccessDenied as error:
        return error_words(error)
    return None
