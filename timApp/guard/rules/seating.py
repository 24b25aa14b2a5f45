"""Where somebody sits who logs in: what is believed, and what speaks against it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Seating:
    """Where a session began, as far as that was known then."""

    #: The seat that the browser was told it stands at, or else that of its address.
    seat: str | None = None
    #: What the list of seats said of the address, where that was not the browser's seat: another
    #: seat, or nothing at all (an empty text). None if there was no contradiction.
    address_seat: str | None = None


#: Nothing is known.
NOWHERE = Seating()


def seating_of(linked: str | None, listed: str | None, *, lists_any: bool) -> Seating:
    """Return where somebody sits, by the browser's own seat and by that of its address.

    The browser's comes first: whoever moves an address about, or puts many behind one, has only
    that. It can be copied, though, so what the list of seats says against it is kept beside it.
    `lists_any` tells whether the list has seats at all; if not, it says nothing of any address.
    """
    if linked is None:
        return Seating(listed)
    agrees = listed is not None and listed.casefold() == linked.casefold()
    return Seating(linked, None if agrees or not lists_any else listed or "")
