"""The machine and the programs that were measured, in words that name no place."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_PROJECT = Path(__file__).parent.parent
#: Packages whose versions belong to the figures.
_PACKAGES = (
    "Flask",
    "SQLAlchemy",
    "psycopg",
    "uvloop",
    "httptools",
    "granian",
    "aiohttp",
    "Flask-Login",
    "Flask-Session",
    "Flask-SQLAlchemy",
    "Django",
    "django-qsessions",
    "redis",
)


def describe_machine() -> str:
    """Return cores, memory, system and Python in one line."""
    memory = round(psutil.virtual_memory().total / 2**30)
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory} GiB of memory, "
        f"{platform.system()}, {platform.python_implementation()} {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def describe_packages() -> str:
    """Return the versions of what takes part, in one line; what is not installed is left out."""
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def load_of_others() -> float:
    """Return how many processes wanted a core in the last minute, on average."""
    return os.getloadavg()[0]


def commit() -> str:
    """Return the commit that is measured, with a word if files were changed since."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", "timApp", "bench", "pyproject.toml")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name}, with changes" if changed else name


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ["git", *arguments], cwd=_PROJECT, check=True, capture_output=True, text=True
    )
    return result.stdout.strip()
