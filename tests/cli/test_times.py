"""Times that people read at the command line."""

import re
from pathlib import Path

from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.site import Site
from timApp.accounts.receivers import add_receiver
from timApp.auth.site import db
from timApp.guard import Actor, ActorKind
from timApp.receivers.receiver import ReceiverKind, Wanted
from timApp.receivers.site import current_teller
from timApp.user.factor.passkey import Passkey
from timApp.user.user import require_user
from timApp.util.clock import now

_IN_NEPAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:45")


def test_times_are_in_the_zone_of_the_site(
    database_url: str, tmp_path: Path, make_app: MakeApp
) -> None:
    """To the second and with their offset, whatever is listed."""
    timapp = CommandLine(database_url, tmp_path)
    timapp.env["TIM_SITE_TIME_ZONE"] = "Asia/Kathmandu"
    site = Site(make_app(database_url))
    site.add_user("alice")
    site.add_document("exam", ["alice"])
    site.logged_in("alice")
    with site.app.app_context():
        db.session.add(
            Passkey(
                user_id=require_user(db, "alice").id,
                credential_id="AAAA",
                public_key="BBBB",
                sign_count=0,
                transports="usb",
                name="phone",
                made_at=now(),
            )
        )
        wanted = Wanted("moodle", ReceiverKind.WEBHOOK, "https://moodle.example.org/hook")
        made = add_receiver(db, current_teller(), wanted, Actor(ActorKind.USER, "boss"))
        made.receiver.last_success_at = now()
        db.session.commit()
    for words, count in (
        (("session", "list"), 1),
        (("user", "passkeys", "alice"), 1),
        (("user", "show", "alice"), 2),
        (("document", "list"), 1),
        (("webhook", "list"), 1),
    ):
        printed = timapp.done(*words)
        assert len(_IN_NEPAL.findall(printed)) == count, printed
        assert "+00:00" not in printed
