"""Which version of the program this is."""

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """Return the version that is installed; words in brackets if none is, as in a mere checkout."""
    try:
        return version("timApp")
    except PackageNotFoundError:
        return "(not installed)"
