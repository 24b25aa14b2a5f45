"""What is to be done for a request of somebody whom the application and we may know as two."""

from enum import Enum

from timApp.guard.verdict import Standing
from timApp.user.people import Identity
from timApp.util.names import key_of


class Step(Enum):
    """What is to be done before the application answers."""

    #: Nothing.
    GO_ON = "go on"
    #: A session begins: of somebody whom the application has just let in; or whom it knew while we
    #: had none of theirs, by a cookie that remembers them, or as one of ours was deleted.
    BEGIN = "begin"
    #: The session ends: the application knows nobody any more.
    END = "end"
    #: The blocked page stands in the place of the application's answer.
    BLOCK = "block"


def step_for(name: str | None, standing: Standing, identity: Identity | None) -> Step:
    """Return what is to be done for a browser whose session is of that name and stands like that.

    `identity` is whom the application takes its person for. None is nobody, either way. Names are
    compared as `timApp.util.names` says.
    """
    if identity is None:
        return Step.GO_ON if name is None else Step.END
    # Mostly it is the name that we were given ourselves.
    if name is None or (name != identity.name and key_of(name) != key_of(identity.name)):
        return Step.BEGIN
    return Step.BLOCK if standing is Standing.BLOCKED else Step.GO_ON
