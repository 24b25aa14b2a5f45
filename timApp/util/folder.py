"""Folders: whether something is there, and names that outlast a power failure."""

import os
from pathlib import Path


def is_there(path: Path) -> bool:
    """Tell whether there is something at a path; `OSError` if that cannot be found out.

    As in a folder that one has no right to enter.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Return when the disk has the names in the folder as they are now."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
