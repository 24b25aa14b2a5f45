"""Signed addresses that tell a browser at which seat it stands, for kiosks to open."""

import hashlib
from urllib.parse import urlencode

from itsdangerous import Signer

from timApp.guard.seats.name import seat_name
from timApp.util.errors import BadInput
from timApp.util.text import is_storable

#: The names of the parameters of such an address.
SEAT_FIELD, SIGNATURE_FIELD = "seat", "signature"


class ForgedSeat(BadInput):
    """An address that says another seat than the one that was signed, or was never signed."""


class SeatLinks:
    """Makes such addresses, and reads those of every server that has the same key.

    An address counts for as long as the key does: a kiosk opens it at each start. It says nothing
    of anybody and lets nobody in. Whoever has it can say that they sit there.
    """

    def __init__(self, *keys: str) -> None:
        """Take the keys, the newest last: it signs, and each of them is taken."""
        self._signer = Signer(
            list(keys),
            salt="seat link",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )

    def address(self, base_url: str, seat: str) -> str:
        """Return the address at a server; `BadInput` (field ``seat``) if no seat is called so."""
        name = seat_name(seat)
        signature = self._signer.get_signature(name).decode()
        query = urlencode({SEAT_FIELD: name, SIGNATURE_FIELD: signature})
        return f"{base_url.rstrip('/')}/?{query}"

    def read(self, seat: str, signature: str) -> str:
        """Return the seat that an address names; `ForgedSeat` unless it is as it was made."""
        if not is_storable(seat) or not self._signer.verify_signature(seat, signature):
            raise ForgedSeat(
                "This link to a seat was not made by a server of this site, or was changed. Open"
                " the whole link as it was given.",
                field=SEAT_FIELD,
            )
        return seat_name(seat)
