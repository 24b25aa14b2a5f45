"""Whom somebody vouches for, by whichever way."""

from dataclasses import dataclass
from enum import Enum

from timApp.user.federated import Word
from timApp.user.people import Identity


class Way(Enum):
    """Whose word it is; the values are those of the options LINK_BY_NAME and LOGIN_LABELS."""

    OIDC = "oidc"
    HEADER = "header"
    SAML = "saml"
    LTI = "lti"


@dataclass(frozen=True)
class Vouched:
    """Whom somebody vouches for."""

    way: Way
    word: Word
    identity: Identity
