"""Sends a verification to the hosts of other targets, all at the same time.

The request is that of TIM hosts: ``POST <host>/user/sessions/<action>`` with the JSON object
``{"username", "session_id", "secret"}``, answered with ``{"status": "ok"}``.
"""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from flask import current_app

#: What can be distributed; each is the last part of the address that is asked.
ACTIONS = ("verify", "invalidate")

#: An answer is read up to so many bytes; a host that sends more is not one of ours.
ANSWER_MAX_BYTES = 64 * 1024
#: How much of a host's own words an error repeats, in characters.
_QUOTE_MAX_LENGTH = 200


@dataclass(frozen=True)
class _Call:
    """What every host is asked."""

    action: str
    body: dict[str, str | None]
    timeout: float


def distribute(action: str, username: str, session_id: str | None, targets: list[str]) -> list[str]:
    """Do what `timApp.auth.session.util.distribute_session_verification` says."""
    config = current_app.config
    if action not in ACTIONS:
        return [f"There is no action {action!r}; it is one of {', '.join(ACTIONS)}."]
    hosts, errors = _hosts_of(targets, config["DIST_RIGHTS_HOSTS"])
    if hosts and not config["DIST_RIGHTS_SEND_SECRET"]:
        errors.append("No host was asked: DIST_RIGHTS_SEND_SECRET is not configured.")
    elif hosts:
        body = {
            "username": username,
            "session_id": session_id,
            "secret": config["DIST_RIGHTS_SEND_SECRET"],
        }
        call = _Call(action, body, config["DIST_RIGHTS_TIMEOUT"])
        errors += asyncio.run(_ask_all(hosts, call))
    return errors


def _hosts_of(
    targets: list[str], configured: dict[str, dict[str, Any]]
) -> tuple[list[str], list[str]]:
    """Return the hosts of the targets, each once, and an error for each target without any."""
    hosts: dict[str, None] = {}
    errors = []
    for target in dict.fromkeys(targets):
        if target not in configured:
            errors.append(f"There is no target {target!r} in DIST_RIGHTS_HOSTS.")
        elif not configured[target].get("hosts"):
            errors.append(f"The target {target!r} has no hosts in DIST_RIGHTS_HOSTS.")
        else:
            hosts.update(dict.fromkeys(host.rstrip("/") for host in configured[target]["hosts"]))
    return list(hosts), errors


async def _ask_all(hosts: list[str], call: _Call) -> list[str]:
    # No limit on connections: a host that hangs must not keep the others waiting.
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=call.timeout),
        headers={"Accept": "application/json"},
    ) as client:
        answers = await asyncio.gather(*(_ask(client, host, call) for host in hosts))
    return [f"{host}: {error}" for host, error in zip(hosts, answers, strict=True) if error]


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
        return f"cannot be reached ({error.os_error.strerror or error.os_error})."
    except (aiohttp.ClientError, OSError) as error:
        return f"the request failed ({error or type(error).__name__})."


def _error_in(status: int, answer: bytes) -> str | None:
    """Return what is wrong with a host's answer, or None for a success."""
    try:
        content = json.loads(answer)
    except ValueError:
        content = None
    if status == HTTPStatus.OK:
        if isinstance(content, dict) and content.get("status") == "ok":
            return None
        return "answered, but not as a timApp host does; check its address."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"answered with a redirect ({status}), which is not followed; check its address."
    words = content.get("error") if isinstance(content, dict) else None
    quote = f": {str(words)[:_QUOTE_MAX_LENGTH]}" if words else "."
    return f"refused with status {status}{quote}"
