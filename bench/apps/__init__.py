"""Applications whose one page says who is asking, each with another way of guarding it.

Each is a module with `create_app`, for the server, and `prepare`, which fills what it needs and
returns the cookies of some people who are logged in. `python -m bench.apps.NAME` prints those, in a
process of its own: some of the frameworks can be set up only once.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.server import PROJECT

#: Where the page is.
PATH = "/guarded"
#: The key with which cookies are signed.
KEY = "a key for measurements"


def database_url() -> str:
    """Return the URL of the database that the process works on."""
    return os.environ["BENCH_DATABASE_URL"]


def people() -> int:
    """Return how many people are to be logged in."""
    return int(os.environ["BENCH_PEOPLE"])


def environment_of(
    url: str, logged_in: int, folder: Path, redis_port: int | None = None
) -> dict[str, str]:
    """Return the environment of an application's processes."""
    return {
        "BENCH_DATABASE_URL": url,
        "BENCH_PEOPLE": str(logged_in),
        "BENCH_REDIS_PORT": str(redis_port),
        "TIM_DATABASE_URL": url,
        "TIM_INSTANCE_PATH": str(folder),
        "TIM_SECRET_KEY": KEY,
    }


def prepared(name: str, environment: Mapping[str, str]) -> list[str]:
    """Prepare an application; return a cookie header for each person who is logged in."""
    command = [sys.executable, "-W", "ignore", "-m", f"bench.apps.{name}"]
    written = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE
    )
    cookies: list[str] = json.loads(written.stdout)
    return cookies


def print_cookies(prepare: Callable[[], Sequence[str]]) -> None:
    """Print what `prepared` reads."""
    json.dump(prepare(), sys.stdout)


def signed_cookies(app: Any, contents: Sequence[Mapping[str, object]]) -> list[str]:
    """Return cookies of a Flask application with these contents, signed as it signs them."""
    serializer = app.session_interface.get_signing_serializer(app)
    name = app.config["SESSION_COOKIE_NAME"]
    return [f"{name}={serializer.dumps(dict(content))}" for content in contents]
