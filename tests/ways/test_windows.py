"""Real browsers come by other ways: what they keep of cookies, and what they see."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import expect

from tests.browser.chromium import PHONE, Window, chromium_path, running_chromium
from tests.databases import SQLiteDatabases
from tests.live import live_server
from tests.missing import is_missing
from tests.ways.platform import NO_ICON, SITE, platform_server, serving
from tests.ways.samlidp import ACS, IdentityProvider, encoded, write_key


@contextmanager
def https(folder: Path, port: int) -> Iterator[int]:
    """Take HTTPS at a port, which is returned, and hand on what is in it to another."""
    files = write_key(folder, "exam.example.org")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["cert_file"], files["key_file"])

    def hand_on(giver: socket.socket, taker: socket.socket) -> None:
        with suppress(OSError):
            while content := giver.recv(65_536):
                taker.sendall(content)
        for one in (giver, taker):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                plain, _ = listener.accept()
                Thread(target=tunnel, args=(plain,), daemon=True).start()

    def tunnel(plain: socket.socket) -> None:
        with (
            suppress(OSError),
            context.wrap_socket(plain, server_side=True) as outer,
            socket.create_connection(("127.0.0.1", port)) as inner,
        ):
            back = Thread(target=hand_on, args=(inner, outer), daemon=True)
            back.start()
            hand_on(outer, inner)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _command() -> str:
    path = chromium_path()
    if path is None:
        is_missing("There is no Chromium here (Debian: apt-get install chromium).")
    return path


def test_a_browser_comes_back_from_other_sites(
    sqlite_databases: SQLiteDatabases, tmp_path: Path
) -> None:
    """Also as the device that it is: it goes on with its login, and is not blocked by a second."""
    idps: list[IdentityProvider] = []
    with (
        platform_server() as platform,
        serving(lambda address: ("text/html", _form(idps[0], address))) as idp_port,
        sqlite_databases.fresh() as url,
    ):
        idp = IdentityProvider(tmp_path, f"http://127.0.0.1:{idp_port}")
        idps.append(idp)
        options: Any = {
            "SITE_URL": SITE,
            "LTI_PLATFORMS": [platform.option],
            "SAML_IDP_METADATA": str(idp.metadata),
        }
        with (
            live_server(url, tmp_path, **options) as server,
            https(tmp_path, server.port) as port,
            running_chromium(
                _command(), f"--host-resolver-rules=MAP exam.example.org:443 127.0.0.1:{port}"
            ) as chromium,
        ):
            idp.meet(httpx.get(f"{server.url}/saml/metadata").text)
            window = Window(chromium, ignore_https_errors=True)
            page = window.page
            for _ in range(2):  # the second time it is the same device, which goes on
                page.goto(
                    f"{SITE}/lti/login?iss={platform.issuer}&login_hint=42&lti_message_hint=5"
                    f"&client_id=exam&target_link_uri={SITE}/my-sessions"
                )
                assert page.url.startswith(platform.issuer)
                page.evaluate("document.forms[0].submit()")
                expect(page).to_have_url(f"{SITE}/my-sessions")
                expect(page.get_by_text("Ann").first).to_be_visible()
                state = page.evaluate("fetch('/user/sessions/state').then((said) => said.json())")
                assert (state["username"], state["standing"]) == ("ann", "valid")
            window.hand_over()

            page.goto(f"{SITE}/login?next=/my-sessions")
            page.get_by_role("link", name="Log in with your federation").click()
            expect(page).to_have_title("idp")
            page.evaluate("document.forms[0].submit()")
            expect(page).to_have_url(f"{SITE}/my-sessions")
            expect(page.get_by_text("Eve").first).to_be_visible()
            window.close()
            assert window.faults == []


def _form(idp: IdentityProvider, asked: str) -> bytes:
    response = encoded(idp.answer(idp.number(asked), "eve"))
    return (
        f'<title>idp</title>{NO_ICON}<form action="{ACS}" method="post">'
        f'<input name="SAMLResponse" value="{response}"><input name="RelayState"></form>'
    ).encode()


def test_a_browser_shows_whom_the_proxy_means(
    sqlite_databases: SQLiteDatabases, tmp_path: Path
) -> None:
    """With a button; axe finds nothing to complain of, and nothing is cut off on a phone."""
    options: Any = {
        "TRUSTED_HEADER": "X-Remote-User",
        "TRUSTED_HEADER_FROM": ["127.0.0.1"],
        "TRUSTED_HEADER_REAL_NAME": "X-Remote-Name",
    }
    with (
        sqlite_databases.fresh() as url,
        live_server(url, tmp_path, **options) as server,
        running_chromium(_command()) as chromium,
    ):
        window = Window(chromium, PHONE, bypass_csp=True)
        window.context.set_extra_http_headers({"X-Remote-User": "ann", "X-Remote-Name": "A<b>nn"})
        page = window.page
        page.goto(f"{server.url}/login?next=/my-sessions")
        page.get_by_role("link", name="Log in as your network knows you").click()
        expect(page.get_by_text("A<b>nn")).to_be_visible()
        page.evaluate(AXE_SCRIPT)
        found = AxeResults(page.evaluate("axe.run({resultTypes: ['violations']})"))
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{server.url}/my-sessions")
        window.close()
        assert window.faults == []
