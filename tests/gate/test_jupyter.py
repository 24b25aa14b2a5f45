"""A JupyterLab behind real proxies: pages, and a kernel that computes over a websocket."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import pytest
import websocket

from tests.gate.conftest import FETCH, Gatehouse, Guarded
from tests.gate.proxies import PROXIES, running_proxy
from tests.live import LiveBrowser, eventually, free_port


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a JupyterLab that asks for no token of its own."""
    folder, port = tmp_path_factory.mktemp("jupyter"), free_port()
    command = [
        str(Path(sys.executable).parent / "jupyter-lab"),
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.allow_root=True",
        "--ServerApp.disable_check_xsrf=True",
        f"--ServerApp.root_dir={folder}",
        "--IdentityProvider.token=",
    ]
    log = folder / "log"
    with log.open("wb") as file:
        environment = {"HOME": str(folder), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, cwd=folder, env=environment
        )
    try:
        eventually(lambda: _status(port, "/api") if process.poll() is None else -1)
        assert process.poll() is None, log.read_text("utf-8")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _status(port: int, path: str) -> int | None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None


@contextmanager
def opened_websocket(
    guarded: Guarded, path: str, browser: LiveBrowser
) -> Iterator[websocket.WebSocket]:
    """Open a websocket through the proxy."""
    address = f"ws://127.0.0.1:{guarded.port}{path}"
    opened = websocket.create_connection(address, cookie=browser.cookie_header(), timeout=30)
    try:
        yield opened
    finally:
        opened.close()


def computed(channel: websocket.WebSocket, code: str) -> str:
    """Have the kernel compute something; return what comes of it as text."""
    header = {
        "msg_id": uuid4().hex,
        "session": uuid4().hex,
        "username": "",
        "msg_type": "execute_request",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    channel.send(json.dumps({**message, "channel": "shell"}))
    while True:
        said = json.loads(channel.recv())
        if said["msg_type"] == "execute_result":
            text: str = said["content"]["data"]["text/plain"]
            return text


@pytest.mark.parametrize("name", PROXIES)
def test_a_kernel_computes_for_whoever_passes_and_for_nobody_else(
    gatehouse: Gatehouse, jupyter: int, name: str
) -> None:
    """Its page and websocket are open to a valid session; a blocked one opens neither."""
    student = gatehouse.add_student()
    first, second = gatehouse.server.logged_in(student), gatehouse.server.logged_in(student)
    port = gatehouse.ports[f"{name}, jupyter"]
    with running_proxy(name, port, gatehouse.server.port, jupyter):
        lab = Guarded(PROXIES[name], port, gatehouse)
        status, _, page = lab.ask("/lab", first)
        assert (status, "<title>JupyterLab</title>" in page) == (200, True)
        status, _, kernel = lab.ask("/api/kernels", first, FETCH, "POST", b"{}")
        assert status == 201
        channels = f"/api/kernels/{kernel['id']}/channels"
        with opened_websocket(lab, channels, first) as channel:
            assert computed(channel, "6 * 7") == "42"
        with (
            pytest.raises(websocket.WebSocketBadStatusException) as refused,
            opened_websocket(lab, channels, second),
        ):
            pass
        assert refused.value.status_code == lab.proxy.blocked_status
        gatehouse.verify(second, student)
        with opened_websocket(lab, channels, second) as channel:
            assert computed(channel, "6 * 9") == "54"
        assert lab.ask(f"/api/kernels/{kernel['id']}", second, FETCH, "DELETE")[0] == 204
