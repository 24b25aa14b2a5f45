"""Folders whose names outlast a power failure."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Return when the disk has the names in the folder as they are now."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
