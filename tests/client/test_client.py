"""The client asks a real server, and says what comes of it."""

import asyncio
import inspect
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.databases import SQLiteDatabases
from tests.hosts import Answer, MakeHost, says
from tests.live import LiveServer, free_port, live_server
from tests.site import Site, open_app
from timApp.accounts.tokens import add_token
from timApp.auth.bearer import scope_of_view
from timApp.auth.site import db
from timApp.cli.group import cli
from timApp.client import AsyncClient, Client, Refused, Unreachable, calls
from timApp.guard.vocabulary import Actor, ActorKind
from timApp.openapi import create_described_app
from timApp.user.apitoken import TokenScope


@dataclass
class Program:
    """A program that has tokens of a site, by their scope."""

    site: Site
    server: LiveServer
    tokens: dict[TokenScope, str]

    def client(self, scope: TokenScope = TokenScope.ADMIN) -> Client:
        """Return a client with that token."""
        return Client(self.server.url, self.tokens[scope])


@pytest.fixture(scope="module")
def program(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """A program with tokens of a server that runs."""
    folder = tmp_path_factory.mktemp("client")
    with ExitStack() as stack:
        url = stack.enter_context(sqlite_databases.fresh())
        site = Site(stack.enter_context(open_app(url, folder / "instance")))
        site.add_admin()
        site.add_exam_hall()
        with site.app.app_context():
            actor = Actor(ActorKind.COMMAND_LINE, "root")
            tokens = {
                scope: add_token(db, site.user_id("admin"), scope.value, scope, 1, actor).text
                for scope in TokenScope
            }
            db.session.commit()
        server = stack.enter_context(live_server(url, folder / "site"))
        yield Program(site, server, tokens)


def test_a_program_sees_and_changes_sessions(program: Program) -> None:
    """Each call does what it says, and is answered with values."""
    first, second = (program.site.logged_in("alice", agent) for agent in ("Firefox", "Chrome"))
    with program.client() as client:
        found = {one.session_id: one for one in client.sessions(user="alice")}
        assert found[first.session_id].expired_at is None
        assert found[second.session_id].expired_at is not None
        assert "Firefox" in found[first.session_id].origin
        client.verify("alice", second.session_id)
        assert program.site.active("alice") == {second.session_id}
        (active,) = client.sessions(state="active", user="alice")
        assert (active.user, active.session_id) == ("alice", second.session_id)
        client.invalidate("alice")
        assert program.site.active("alice") == set()
        client.verify_all()
        assert len(program.site.active("alice")) == 1
        client.invalidate_all()
        assert program.site.active("alice") == set()
        last = client.changes()[-1]
        assert (last.action, last.actor_kind, last.actor) == ("invalidate all", "program", "admin")
        client.pause("alice")
        client.end("alice", first.session_id)
        assert [one.action for one in client.changes(user="alice")][-2:] == ["pause", "end"]
        assert client.export("csv", user="alice").startswith(b"user,session_id,origin")


def test_what_is_refused_says_why(program: Program) -> None:
    """With the status and the field at fault; nothing is changed."""
    wrong = Client(program.server.url, "timapp_00000000_x")
    with wrong, pytest.raises(Refused, match="not known here") as caught:
        wrong.sessions()
    assert caught.value.status == 401
    with program.client(TokenScope.READ) as client:
        with pytest.raises(Refused, match="scope read") as caught:
            client.verify("alice")
        assert caught.value.status == 403
    with program.client() as client:
        with pytest.raises(Refused, match="nobody") as caught:
            client.verify("nobody/../alice")
        assert (caught.value.status, caught.value.field) == (404, "user")
        with pytest.raises(Refused) as caught:
            client.sessions(state="odd")
        assert caught.value.status == 422


@pytest.mark.parametrize(
    "answer",
    [
        says(200, "<!doctype html>"),
        says(200, '{"status": "odd"}'),
        says(200, "[]"),
        says(200, "\xff"),
        says(404, "Not found"),
        says(403, '["error"]'),
        says(302, "", Location="http://127.0.0.1:9/"),
    ],
)
def test_what_is_no_server_of_ours_is_told(make_host: MakeHost, answer: Answer) -> None:
    """A page, or another program's JSON; and nobody is led elsewhere with the token."""
    host = make_host(answer)
    with Client(host.url, "timapp_x") as client, pytest.raises(Unreachable, match="no server"):
        client.verify("alice")
    assert [one.headers["Authorization"] for one in host.asked] == ["Bearer timapp_x"]


def test_that_nobody_answers_is_told() -> None:
    """With the address at which somebody was looked for."""
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, "timapp_x") as client, pytest.raises(Unreachable, match=url):
        client.sessions()


def test_the_same_with_asyncio(program: Program) -> None:
    """Many at a time."""

    async def ask() -> list[int]:
        async with AsyncClient(program.server.url, program.tokens[TokenScope.READ]) as client:
            found = await asyncio.gather(*(client.sessions(user="admin") for _ in range(20)))
            with pytest.raises(Refused, match="scope read"):
                await client.invalidate_all()
            return [len(one) for one in found]

    assert len(set(asyncio.run(ask()))) == 1


def test_both_clients_have_the_same_calls() -> None:
    """By the same names, with the same parameters."""
    names = {name for name in vars(Client) if not name.startswith("_")}
    assert names == {name for name in vars(AsyncClient) if not name.startswith("_")}
    for name in names:
        ours, theirs = (inspect.signature(getattr(one, name)) for one in (Client, AsyncClient))
        assert ours.parameters == theirs.parameters, name


ALL_CALLS: tuple[calls.Call[Any], ...] = (
    calls.sessions("all", "alice"),
    calls.export("csv", "all", "alice"),
    calls.changes("alice"),
    *(calls.change(action, "alice", "x") for action in ("verify", "invalidate", "end")),
    calls.change("pause", "alice"),
    *(calls.change_all(action) for action in ("verifyAll", "invalidateAll")),
)


@pytest.mark.parametrize("call", ALL_CALLS, ids=lambda call: call.route)
def test_each_call_is_in_the_document_of_the_api(call: calls.Call[Any]) -> None:
    """Its address, its method, its parameters, and that a token is taken."""
    document = create_described_app().extensions["flask-smorest"]["apis"][""]["ext_obj"].spec
    path = document.to_dict()["paths"][call.route]
    operation = path[call.method.lower()]
    parameters = [*path.get("parameters", ()), *operation["parameters"]]
    known = {one["name"] for one in parameters if isinstance(one, dict)}
    assert call.query.keys() | call.names.keys() <= known
    assert any("apiToken" in way for way in operation["security"])


def test_whatever_takes_tokens_has_a_call(site: Site) -> None:
    """But for what hosts ask, and for the sessions as the pages export them."""
    routes = {
        rule.rule.replace("<name:user>", "{user}")
        for rule in site.app.url_map.iter_rules()
        if scope_of_view(site.app.view_functions[rule.endpoint]) is not None
    }
    assert routes - {call.route for call in ALL_CALLS} == {
        "/administer/sessions/export",
        "/user/sessions/invalidate",
        "/user/sessions/verify",
    }


def run(program: Program, *words: str, token: str | None = None) -> Result:
    """Run a command that the server carries out."""
    env = {"TIMAPP_TOKEN": program.tokens[TokenScope.ADMIN] if token is None else token}
    words = ("--server", program.server.url, *words)
    return CliRunner(catch_exceptions=False).invoke(cli, words, env=env, prog_name="timapp")


def test_the_command_line_drives_another_server(program: Program) -> None:
    """By the same commands, with the token from the environment."""
    browser = program.site.logged_in("alice")
    for words, printed in (
        (("verify", "alice", browser.session_id), f"Verified the session {browser.session_id}"),
        (("invalidate", "alice"), "Invalidated all sessions of alice.\n"),
        (("verify", "alice"), "Verified the latest session of alice.\n"),
        (("pause", "alice"), "Paused alice"),
        (("end", "alice"), "Ended all sessions of alice.\n"),
    ):
        done = run(program, "session", *words)
        assert (done.exit_code, done.stderr) == (0, ""), words
        assert done.stdout.startswith(printed)
    listed = run(program, "session", "list", "--user", "alice").stdout.splitlines()
    assert browser.session_id in {line.split("\t")[1] for line in listed}
    exported = run(program, "session", "export", "--format", "json", "--user", "alice").stdout
    assert browser.session_id in {one["session_id"] for one in json.loads(exported)}


def test_what_the_command_line_cannot_do_there_is_said(program: Program) -> None:
    """Without a token, with a bad one, what is for the server itself, and who is not there."""
    for words, token, code, said in (
        (("session", "list"), "", 1, "TIMAPP_TOKEN"),
        (("session", "list"), "timapp_x", 1, "not known here"),
        (("user", "list"), None, 2, "user is for the server itself"),
        (("session", "verify", "nobody"), None, 1, "nobody"),
    ):
        refused = run(program, *words, token=token)
        assert (refused.exit_code, refused.stdout) == (code, ""), words
        assert said in refused.stderr
    wrong = CliRunner().invoke(cli, ("--server", "exam.example.org", "session", "list"))
    assert wrong.exit_code == 2
    assert "https://" in wrong.stderr
