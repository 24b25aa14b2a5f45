"""What a running server writes of requests, and what SIGHUP changes."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.live import LiveServer, eventually, live_server
from tests.serve.raw import get, raw_client
from tests.site import Site, open_app


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Return what stands in a log of JSON."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_each_request_is_told_by_its_id_and_names_nobody(sqlite_url: str, tmp_path: Path) -> None:
    """The id of the answer leads to the line, which has path, status and time and no secret."""
    log = tmp_path / "requests.log"
    with open_app(sqlite_url, tmp_path / "instance") as app:
        Site(app).add_exam_hall()
    with live_server(
        sqlite_url, tmp_path, LOG_FILE=str(log), LOG_FORMAT="json", ACCESS_LOG=True
    ) as server:
        browser = server.browser()
        ids = [browser.log_in("alice").headers["X-Request-ID"]]
        for path in ("/view/exam?x=alice", "/user/sessions/state", "/static/ui/ui.css"):
            ids.append(browser.get(path).headers["X-Request-ID"])
        ids.append(browser.post("/user/sessions/alice/verify").headers["X-Request-ID"])
        with raw_client(server.port) as client:
            own = client.ask(get("/healthz", "X-Request-ID: made-up")).header("X-Request-ID")
        session_id = browser.session_id
    found = {line["request_id"]: line for line in lines_of(log)}
    assert [(found[one]["path"], found[one]["status"]) for one in ids] == [
        ("/login", 200),
        ("/view/exam?*", 422),
        ("/user/sessions/state", 200),
        ("/static/ui/ui.css", 200),
        ("/user/sessions/*/verify", 403),
    ]
    assert own != "made-up"
    assert found[own or ""]["path"] == "/healthz"
    assert all(0 <= line["seconds"] < 60 for line in found.values())
    text = log.read_text()
    assert "alice" not in text
    assert session_id not in text


def test_the_id_of_a_trusted_proxy_is_kept_if_it_is_sane(sqlite_url: str, tmp_path: Path) -> None:
    """What a proxy calls a request is what the answer calls it, unless it could break a log."""
    with (
        live_server(sqlite_url, tmp_path, TRUSTED_PROXIES=1) as server,
        raw_client(server.port) as client,
    ):
        for given, is_kept in (("4bf92f35-77b3/4d", True), ("a b", False), ("x" * 65, False)):
            answer = client.ask(get("/nowhere", f"X-Request-ID: {given}"))
            assert (answer.header("X-Request-ID") == given) is is_kept


def metrics(server: LiveServer, token: str) -> int:
    """Ask with a token for the numbers, over a new connection; return the status."""
    with raw_client(server.port) as client:
        return client.ask(get("/metrics", f"Authorization: Bearer {token}")).status


def test_sighup_opens_the_log_anew_and_reads_the_options_again(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A log that was moved away is made anew, options count, and what is wrong changes nothing."""
    log, moved, file = tmp_path / "log", tmp_path / "log.1", tmp_path / "options.toml"
    file.write_text(f'LOG_FILE = "{log}"\nMETRICS_TOKEN = "the token of before"\n')

    def reloaded(text: str) -> None:
        os.kill(server.pid, signal.SIGHUP)
        eventually(lambda: (log.exists() and text in log.read_text()) or None)

    with live_server(sqlite_url, tmp_path, workers=2, CONFIG=str(file)) as server:
        assert metrics(server, "the token of before") == 200
        log.rename(moved)
        file.write_text(
            f'LOG_FILE = "{log}"\nMETRICS_TOKEN = "the token from now on"\nREQUEST_TIMEOUT = 5\n'
        )
        reloaded(
            "Reloaded: METRICS_TOKEN changed."
            " REQUEST_TIMEOUT changed, too, and a restart is needed for that.\n"
        )
        eventually(
            lambda: all(metrics(server, "the token from now on") == 200 for _ in range(10)) or None
        )
        assert metrics(server, "the token of before") == 403
        file.write_text("METRICS_TOKEN = 5\n")
        reloaded("Nothing was reloaded: ")
        assert metrics(server, "the token from now on") == 200
        assert moved.read_text() == ""
