"""Addresses of this site that a caller names."""


def local_address(address: str | None) -> str | None:
    """Return the address if it stays on this site, else None."""
    # Browsers read "//host" and "/\\host" as another site, and skip control characters.
    if address and address[:1] == "/" and address[1:2] not in {"/", "\\"} and address.isprintable():
        return address
    return None
