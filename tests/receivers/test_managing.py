"""Administrators add receivers, test them and end them: on their page, and at the command line."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.receivers.inbox import ISSUER, Inbox
from tests.site import PASSWORD, Browser, Site
from timApp.auth.site import db
from timApp.receivers.notice import Notice
from timApp.receivers.owe import owed_by_receiver
from timApp.receivers.receiver import RECEIVERS_MAX, Receiver

PAGE = "/administer/receivers"
LOCAL = '["127.0.0.0/8"]'
RIGHT = {"name": "moodle", "kind": "webhook", "event": ["session.ended", "session.blocked"]}


@pytest.fixture
def hall(database_url: str, make_app: MakeApp) -> Site:
    """A site that tells receivers on this machine, and its administrator."""
    options = {"SITE_URL": ISSUER, "WEBHOOK_NETWORKS": ["127.0.0.0/8"]}
    site = Site(make_app(database_url, TRUSTED_HOSTS=["localhost"], **options))
    site.add_admin()
    return site


@pytest.fixture
def admin(hall: Site) -> Browser:
    """The administrator, who has just shown their password."""
    browser = hall.logged_in("admin")
    assert browser.post("/confirm", json={"password": PASSWORD}).status_code == 200
    return browser


def shown_secret(text: str) -> str:
    """Return the secret that a page shows."""
    return text.partition('readonly value="')[2].partition('"')[0]


def receivers_of(site: Site) -> list[Receiver]:
    """Return all receivers."""
    with site.app.app_context():
        return list(db.session.scalars(sa.select(Receiver).order_by(Receiver.id)))


def test_a_webhook_is_added_tested_and_ended(hall: Site, admin: Browser, inbox: Inbox) -> None:
    """Its secret is shown once, a test says how it answers, and all of it is in the record."""
    answer = admin.post(PAGE, data=RIGHT | {"url": inbox.url})
    assert answer.status_code == 200, answer.text
    secret = shown_secret(answer.text)
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    (receiver,) = receivers_of(hall)
    assert receiver.events == "session.blocked,session.ended"
    page = admin.decide(f"{PAGE}/test", {"name": "moodle"})
    assert "moodle has taken the test" in page.text
    assert inbox.got[0].verified(secret)["type"] == "test"
    inbox.status = 503
    page = admin.decide(f"{PAGE}/test", {"name": "moodle"})
    assert "It answered 503" in page.text
    assert "It fails" in page.text
    assert secret not in page.text
    page = admin.decide(f"{PAGE}/end", {"name": "moodle"})
    assert "Nobody is told" in page.text
    assert receivers_of(hall) == []
    with hall.app.app_context():
        assert db.session.scalars(sa.select(Notice)).all() == []
    recorded = [(one.action.value, one.reason) for one in hall.changes()][-2:]
    assert recorded == [
        ("add receiver", f"moodle: webhook, {inbox.url.removesuffix('/hook')}"),
        ("end receiver", "moodle"),
    ]
    assert "Added a receiver" in admin.get_page("/administer/record").text


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({"name": ""}, 422, "name"),
        ({"name": "x" * 61}, 422, "longer than 60"),
        ({"url": ""}, 422, "begins with https://"),
        ({"url": "ftp://a.example"}, 422, "begins with https://"),
        ({"url": "https://user:secret@a.example/"}, 422, "no password"),
        ({"url": "https://a.example/#x"}, 422, "begins with https://"),
        ({"kind": "mail"}, 422, "no such kind"),
        ({"event": "session.began"}, 422, "no such event"),
        ({"event": []}, 422, "which events"),
        ({"kind": "ssf-poll"}, 422, "no address"),
        ({"authorization": "Bearer x"}, 422, "only a push"),
        ({"kind": "ssf-push", "authorization": "Bearer \u20ac"}, 422, "printable ASCII"),
    ],
)
def test_what_does_not_fit_is_refused(
    hall: Site, admin: Browser, wrong: dict[str, object], status: int, words: str
) -> None:
    """A wrong receiver is refused in words, and none is added."""
    answer = admin.post(PAGE, data=RIGHT | {"url": "https://a.example/"} | wrong)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert receivers_of(hall) == []


def test_there_are_not_two_of_a_name_and_not_too_many(hall: Site, admin: Browser) -> None:
    """A name is one receiver's, and the number of receivers has an end."""
    said = RIGHT | {"url": "https://a.example/"}
    assert admin.post(PAGE, data=said).status_code == 200
    assert admin.post(PAGE, data=said).status_code == 409
    for number in range(1, RECEIVERS_MAX):
        assert admin.post(PAGE, data=said | {"name": str(number)}).status_code == 200
    assert admin.post(PAGE, data=said | {"name": "one more"}).status_code == 409
    assert len(receivers_of(hall)) == RECEIVERS_MAX


def test_plain_http_wants_networks_of_ones_own(site: Site) -> None:
    """Without WEBHOOK_NETWORKS an address has to be https."""
    site.add_admin()
    browser = site.logged_in("admin")
    browser.post("/confirm", json={"password": PASSWORD})
    answer = browser.post(PAGE, data=RIGHT | {"url": "http://a.example/"})
    assert answer.status_code == 422
    assert "WEBHOOK_NETWORKS" in answer.text


def test_whoever_changes_receivers_shows_their_password_again(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """A session that is left open adds no receiver."""
    browser = hall.logged_in("admin")
    clock.shift(timedelta(hours=1))
    answer = browser.post(PAGE, data=RIGHT | {"url": "https://a.example/"})
    assert answer.status_code == 403
    assert receivers_of(hall) == []


@pytest.fixture
def command_line(site: Site, tmp_path: Path) -> CommandLine:
    """The command line of a site that is known by an address."""
    run = CommandLine(site.app.config["DATABASE_URL"], tmp_path)
    run.env |= {"TIM_SITE_URL": ISSUER, "TIM_WEBHOOK_NETWORKS": LOCAL}
    return run


def test_the_command_line_manages_receivers(
    site: Site, command_line: CommandLine, inbox: Inbox
) -> None:
    """Each is added, listed, tested, told by `timapp deliver`, and removed."""
    site.add_exam_hall()
    known = "whsec_" + base64.b64encode(bytes(24)).decode()
    added = command_line.done("webhook", "add", "moodle", inbox.url, "--secret", known)
    assert added.strip() == known
    token, address = command_line.done("webhook", "add", "siem", "--kind", "ssf-poll").split()
    assert token.startswith("ssf_")
    assert address == f"{ISSUER}/ssf/poll/{receivers_of(site)[1].id}"
    assert command_line.done("webhook", "test", "moodle") == "moodle has taken the test.\n"
    assert command_line.done("webhook", "test", "siem") == "A test is kept for siem.\n"
    site.blocked()
    told = command_line.done("deliver", "--once")
    assert told == "delivered session.blocked of alice to moodle\n"
    assert [one.verified(known)["type"] for one in inbox.got] == ["test", "session.blocked"]
    inbox.status = 500
    failed = command_line("webhook", "test", "moodle")
    with site.app.app_context():
        assert owed_by_receiver(db.engine) == {"moodle": 1, "siem": 1}
    assert (failed.exit_code, failed.stderr) == (
        1,
        "moodle has not taken the test. It answered 500.\n",
    )
    rows = [one.split("\t") for one in command_line.done("webhook", "list").splitlines()]
    assert [(one[0], one[1], one[4], one[7], one[8]) for one in rows] == [
        ("moodle", "webhook", "failing", "It answered 500.", "1"),
        ("siem", "ssf-poll", "ok", "", "1"),
    ]
    assert len(command_line.done("webhook", "new-key").strip()) == 36
    assert command_line.done("webhook", "remove", "moodle") == "Removed the receiver moodle.\n"
    assert "no receiver" in command_line.refused("webhook", "remove", "moodle")
    assert "no receiver" in command_line.refused("webhook", "test", "moodle")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", "A" * 40, "whsec_%%%"])
def test_a_secret_that_is_none_is_refused(command_line: CommandLine, secret: str) -> None:
    """A secret has 24 to 64 bytes in base64, as Standard Webhooks has it."""
    words = ("webhook", "add", "x", "https://a.example/", "--secret", secret)
    assert "whsec_ and 24 to 64 bytes" in command_line.refused(*words)
