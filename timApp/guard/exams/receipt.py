"""Receipts: what a person shows who has handed in, and is logged out."""

from dataclasses import dataclass
from datetime import datetime

from itsdangerous import BadSignature, URLSafeSerializer

from timApp.util.errors import BadInput


class ForgedReceipt(BadInput):
    """A receipt that no server of the site has written."""


@dataclass(frozen=True)
class HandInReceipt:
    """Who has handed in which exam, and when."""

    person: str
    #: Empty if it is not known.
    real_name: str
    exam: str
    at: datetime


class HandInReceipts:
    """Writes receipts, and reads those of every server that has the same key."""

    def __init__(self, *keys: str) -> None:
        """Take the keys, the newest last: it signs, and each of them is taken."""
        self._serializer = URLSafeSerializer(list(keys), salt="receipt of a hand-in")

    def write(self, receipt: HandInReceipt) -> str:
        """Return a token, fit for an address, that says so for as long as the key counts.

        It lets nobody in.
        """
        token = self._serializer.dumps(
            [receipt.person, receipt.real_name, receipt.exam, receipt.at.isoformat()]
        )
        return token if isinstance(token, str) else token.decode()

    def read(self, token: str) -> HandInReceipt:
        """Return what a token says; `ForgedReceipt` (field ``receipt``) for any other text."""
        try:
            content = self._serializer.loads(token)
        except (BadSignature, UnicodeError):
            content = None
        match content:
            case [str(person), str(real_name), str(exam), str(at)]:
                return HandInReceipt(person, real_name, exam, datetime.fromisoformat(at))
        raise ForgedReceipt(
            "This receipt was not written by a server of this site, or was changed.",
            field="receipt",
        )
