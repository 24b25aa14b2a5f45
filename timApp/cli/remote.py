"""The commands that another server carries out: `timapp --server URL`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from timApp.cli.lazy import SERVER
from timApp.client import ApiError, Client

#: The variable of the environment that has the token. It is no option of a command: everybody at a
#: machine sees these.
TOKEN_VARIABLE = "TIMAPP_TOKEN"  # noqa: S105 - a name


@contextmanager
def server(context: click.Context) -> Iterator[Client]:
    """Yield the client of the server that was named; `click.ClickException` for what it refuses."""
    url = context.meta[SERVER]
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        msg = (
            f"Put the token of that server into the environment variable {TOKEN_VARIABLE}; one is"
            " made there with `timapp token add`."
        )
        raise click.ClickException(msg)
    try:
        with Client(url, token) as client:
            yield client
    except ApiError as error:
        raise click.ClickException(str(error)) from error
