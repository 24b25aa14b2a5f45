"""Takes the pictures of the main pages for the docs: `python -m tests.screenshots FOLDER`."""

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import (
    COLOUR_SCHEMES,
    DESKTOP,
    PHONE,
    ColourScheme,
    Window,
    chromium_path,
    running_chromium,
)
from tests.browser.hall import verified_heading, verify_button
from tests.live import LiveBrowser, LiveServer, environment_of, free_port, live_server

_EXAM = "/view/exam/part1"
_SECRET = "for the pictures"
#: Who is seen in windows.
_VISITORS = ("student3", "supervisor", "admin")
#: Colours of a picture, which keep it small.
_COLOURS = 64

_LAPTOP = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Safari/537.36"
)
_TABLET = (
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Mobile/15E148 Safari/604.1"
)
_LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


OpenPage = Callable[["Studio", Page], None]


@dataclass(frozen=True)
class Demo:
    """A server with the demo content, and everybody's password."""

    server: LiveServer
    passwords: dict[str, str]

    def device(self, name: str, user_agent: str) -> LiveBrowser:
        """Return a device in which somebody has logged in, and that shows the exam."""
        device = self.server.browser(user_agent)
        assert device.log_in(name, self.passwords[name]).status == 200
        device.get_page(_EXAM)
        return device


class Studio:
    """Two demo sites, their people, and windows of the first to take pictures of."""

    def __init__(self, demo: Demo, elsewhere: Demo, browser: Browser) -> None:
        self._server = demo.server
        self._browser = browser
        # Each of the students has two devices, and the second waits.
        self._devices = [
            [site.device(name, user_agent) for user_agent in user_agents]
            for site, name, user_agents in (
                (demo, "student1", (_LAPTOP, _TABLET)),
                (elsewhere, "student2", (_LINUX,) * 2),
            )
        ]
        demo.device("student3", _LINUX)
        self._visitors = {name: demo.device(name, _LAPTOP) for name in _VISITORS}

    def open_exams(self) -> list[list[int]]:
        """Ask for the exam on all devices, or they would wait no more; return the statuses."""
        return [[one.get_page(_EXAM).status for one in devices] for devices in self._devices]

    def comparison(self) -> str:
        """Return where the first one who waits is looked at, at the device that is blocked now."""
        (blocked,) = (
            device
            for device, status in zip(self._devices[0], self.open_exams()[0], strict=True)
            if status == 490
        )
        return f"/supervise/person?user=student1&session={blocked.session_id}"

    @contextmanager
    def window(
        self, size: tuple[int, int], colour_scheme: ColourScheme, name: str
    ) -> Iterator[Page]:
        """Yield a page in a new window, in which the person, if any, is logged in."""
        self.open_exams()
        window = Window(
            self._browser, size, colour_scheme, base_url=self._server.url, user_agent=_LAPTOP
        )
        if name:
            window.context.add_cookies(
                [
                    {"name": cookie.name, "value": cookie.value or "", "url": self._server.url}
                    for cookie in self._visitors[name].cookies
                ]
            )
        window.page.goto("/login")  # from here on the site knows the window's time zone
        yield window.page
        window.close()


def _open(path: str) -> OpenPage:
    def open_path(_studio: Studio, page: Page) -> None:
        page.goto(path)

    return open_path


def _compare(studio: Studio, page: Page) -> None:
    page.goto(studio.comparison())


def _choose_several(_studio: Studio, page: Page) -> None:
    page.goto("/supervise")
    boxes = page.get_by_role("listitem").get_by_role("checkbox")
    expect(boxes.first).to_be_visible()
    for box in boxes.all():
        box.check()
    page.get_by_role("button", name="Look at those who are chosen").click()
    expect(page.get_by_role("button", name="Let them in")).to_be_visible()


def _verify(studio: Studio, page: Page) -> None:
    _compare(studio, page)
    verify_button(page).click()
    expect(verified_heading(page, "Siiri Student")).to_be_visible()


#: Name of the picture, whose window it shows, and how to get to the page.
PICTURES: tuple[tuple[str, str, OpenPage], ...] = (
    ("login", "", _open("/login")),
    ("document", "supervisor", _open(_EXAM)),
    ("blocked", "student3", _open(_EXAM)),
    ("console", "supervisor", _open("/supervise")),
    ("comparison", "supervisor", _compare),
    ("several", "supervisor", _choose_several),
    ("my-sessions", "supervisor", _open("/my-sessions")),
    ("overview", "admin", _open("/administer")),
    ("sessions", "admin", _open("/administer/sessions")),
    ("person", "admin", _open("/administer/person?user=student1")),
    ("record", "admin", _open("/administer/record")),
    # These come last: they change who waits, and what hosts are owed.
    ("outcome", "supervisor", _verify),
    ("servers", "supervisor", _open("/supervise/servers")),
)


def take_pictures(studio: Studio, folder: Path) -> None:
    """Take every picture at both sizes and in both colour schemes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, visitor, open_page in PICTURES:
        for label, size in (("desktop", DESKTOP), ("phone", PHONE)):
            for colour_scheme in COLOUR_SCHEMES:
                with studio.window(size, colour_scheme, visitor) as page:
                    open_page(studio, page)
                    _save(page.screenshot(), folder / f"{name}-{label}-{colour_scheme}.png")


def _save(screenshot: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(screenshot)) as picture:
        small = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


@contextmanager
def _demo_site(folder: Path, **options: object) -> Iterator[Demo]:
    """Yield a server with the demo content.

    Windows are logged in with the cookies of devices: no number of theirs is to tell them apart.
    """
    folder.mkdir()
    options["SESSIONS_TOKEN_RENEWAL"] = "none"
    database_url = f"sqlite:///{folder}/demo.db"
    for command in (("db", "upgrade"), ("demo",)):
        subprocess.run(
            [sys.executable, "-m", "timApp.cli", *command],
            env=environment_of(database_url, folder, {}),
            check=True,
            stdout=subprocess.DEVNULL,
        )
    accounts = (folder / "demo-accounts.txt").read_text("utf-8").splitlines()
    with live_server(database_url, folder, **options) as server:  # type: ignore[arg-type]
        yield Demo(server, dict(account.split("\t")[:2] for account in accounts))


@contextmanager
def _studio(folder: Path, browser: Browser) -> Iterator[Studio]:
    """Yield the studio: a server for hall A, one for hall B, and none where one is for hall C."""
    port = free_port()
    called: dict[str, Any] = {"port": port, "SITE_URL": f"http://localhost:{port}"}
    with _demo_site(folder / "b", DIST_RIGHTS_RECEIVE_SECRET=_SECRET, **called) as hall_b:
        network: dict[str, Any] = {
            "hosts": {
                "hall B": called["SITE_URL"],
                "hall C": "http://localhost:1",
            },
            "targets": {"exam": ["hall B", "hall C"]},
        }
        with _demo_site(
            folder / "a",
            DIST_RIGHTS_NETWORK=network,
            DIST_RIGHTS_SEND_SECRET=_SECRET,
            SESSIONS_VERIFY_TARGETS=["exam"],
        ) as hall_a:
            yield Studio(hall_a, hall_b, browser)


def main(folder: Path) -> None:
    """Take the pictures and put them into the folder."""
    path = chromium_path()
    if path is None:
        sys.exit("There is no Chromium here (Debian: apt-get install chromium).")
    with (
        tempfile.TemporaryDirectory() as temporary,
        running_chromium(path) as browser,
        _studio(Path(temporary), browser) as studio,
    ):
        take_pictures(studio, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
