"""Sends a verification to the hosts of other targets, all at the same time.

The request is that of TIM hosts: ``POST <host>/user/sessions/<action>`` with the JSON object
``{"username", "session_id", "secret"}``, answered with ``{"status": "ok"}``.
"""

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from flask import current_app

from timApp.hosts.network import current_network
from timApp.hosts.resolver import PatientResolver

#: What is wrong when no host can be asked.
NO_SECRET = "DIST_RIGHTS_SEND_SECRET is not configured."  # noqa: S105 - a sentence
#: What can be distributed; each is the last part of the address that is asked.
ACTIONS = ("verify", "invalidate")

#: An answer is read up to so many bytes; a host that sends more is not one of ours.
ANSWER_MAX_BYTES = 64 * 1024
#: An error is cut off behind so many characters; a host's own words may be in it.
_ERROR_MAX_LENGTH = 300


@dataclass(frozen=True)
class _Call:
    """What every host is asked."""

    action: str
    body: dict[str, str | None]
    timeout: float


def distribute(action: str, username: str, session_id: str | None, targets: list[str]) -> list[str]:
    """Do what `timApp.auth.session.util.distribute_session_verification` says."""
    if action not in ACTIONS:
        return [f"There is no action {action!r}; it is one of {', '.join(ACTIONS)}."]
    hosts, errors = hosts_of(targets)
    if hosts and not current_app.config["DIST_RIGHTS_SEND_SECRET"]:
        return [*errors, f"No host was asked: {NO_SECRET}"]
    outcomes = ask_hosts(action, username, session_id, hosts)
    return errors + [f"{host}: {error}" for host, error in outcomes.items() if error]


def hosts_of(targets: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the hosts of the targets, each once, and an error for each target without any."""
    hosts, errors = current_network().hosts_of(targets)
    return [host.url for host in hosts], errors


def ask_hosts(
    action: str, username: str, session_id: str | None, hosts: Sequence[str]
) -> dict[str, str | None]:
    """Ask the hosts, all at once, to carry out one of the `ACTIONS`.

    Returns for each host what went wrong, in one line, or None. Only ask hosts of the
    configuration: they get the secret. Without one, nobody is asked.
    """
    config = current_app.config
    secret = config["DIST_RIGHTS_SEND_SECRET"]
    if not secret:
        return dict.fromkeys(hosts, NO_SECRET)
    if not hosts:
        return {}
    body = {"username": username, "session_id": session_id, "secret": secret}
    call = _Call(action, body, config["DIST_RIGHTS_TIMEOUT"])
    answers = asyncio.run(_ask_all(hosts, call))
    return {
        host: error and _safe(error, secret) for host, error in zip(hosts, answers, strict=True)
    }


async def _ask_all(hosts: Sequence[str], call: _Call) -> list[str | None]:
    # No limit on connections: a host that hangs must not keep the others waiting.
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, resolver=PatientResolver()),
        timeout=aiohttp.ClientTimeout(total=call.timeout),
        headers={"Accept": "application/json"},
    ) as client:
        return await asyncio.gather(*(_ask(client, host, call) for host in hosts))


def _safe(error: str, secret: str) -> str:
    """Return the error on one line of printable text, and without the secret.

    A host may say what it likes in its answer, what it was asked included.
    """
    told = error.replace(secret, "[secret]")
    return "".join(char if char.isprintable() else " " for char in told)[:_ERROR_MAX_LENGTH]


async def _ask(client: aiohttp.ClientSession, host: str, call: _Call) -> str | None:
    """Ask one host; return what went wrong, or None."""
    url = f"{host}/user/sessions/{call.action}"
    try:
        # A redirect is not followed: it would hand the secret to whomever it points at.
        async with client.post(url, json=call.body, allow_redirects=False) as response:
            answer = b""
            async for block in response.content.iter_any():
                answer += block
                if len(answer) > ANSWER_MAX_BYTES:
                    break
            return _error_in(response.status, answer)
    except TimeoutError:
        return f"no answer within {call.timeout:g} s."
    except aiohttp.ClientConnectorError as error:
        return f"cannot be reached ({_reason(error)})."
    except aiohttp.ClientResponseError:
        return "answered, but not as an HTTP server does; check its address."
    except (aiohttp.ClientError, OSError) as error:
        return f"the request failed ({error or type(error).__name__})."


def _reason(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    # Of a plain refusal asyncio only tells the address; TLS and name servers have their own words.
    if type(error) is aiohttp.ClientConnectorError and cause.errno is not None:
        return os.strerror(cause.errno)
    return cause.strerror or str(cause)


def _error_in(status: int, answer: bytes) -> str | None:
    """Return what is wrong with a host's answer, or None for a success."""
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        content = None
    if status == HTTPStatus.OK:
        if isinstance(content, dict) and content.get("status") == "ok":
            return None
        return "answered, but not as a timApp host does; check its address."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"answered with a redirect ({status}), which is not followed; check its address."
    words = content.get("error") if isinstance(content, dict) else None
    quote = f": {words}" if words else "."
    return f"refused with status {status}{quote}"
