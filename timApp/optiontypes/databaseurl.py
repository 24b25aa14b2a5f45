"""URLs of databases."""

import re
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

#: The databases that a URL may name, and the driver that is used for each.
DATABASE_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",  # libpq takes both
    "postgresql+psycopg": "postgresql+psycopg",
}

#: What stands around the hosts of a URL that names several.
_SEVERAL_HOSTS = re.compile(
    r"(?P<before>postgres(?:ql(?:\+psycopg)?)?://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<after>.*)"
)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_POSTGRESQL_PORT = "5432"


def parse_database_url(text: str) -> URL:
    """Return a URL of a database: SQLAlchemy's, or libpq's form with several hosts.

    ``postgresql://h1:5432,h2:5433/db`` has them between commas, each with a port or without.
    `ValueError` or SQLAlchemy's `ArgumentError` for anything else.
    """
    several = _SEVERAL_HOSTS.fullmatch(text)
    if several is None:
        return make_url(text)
    parts = [_HOST.fullmatch(one) for one in several["hosts"].split(",")]
    hosts = [unquote(part["host"].strip("[]")) for part in parts if part is not None]
    ports = [part["port"] or _POSTGRESQL_PORT for part in parts if part is not None]
    if len(hosts) < len(parts):
        raise ValueError
    url = make_url(several["before"] + several["after"])
    return url.update_query_dict({"host": ",".join(hosts), "port": ",".join(ports)})


def is_database_url(text: str) -> bool:
    """Tell whether a text is a URL of a database that a site may have."""
    try:
        url = parse_database_url(text)
    except (ArgumentError, ValueError):
        return False
    # sqlite://name.db lacks a slash: SQLAlchemy reads the name as a host.
    misplaced_host = url.drivername.startswith("sqlite") and url.host is not None
    return url.drivername in DATABASE_DRIVERS and not misplaced_host
