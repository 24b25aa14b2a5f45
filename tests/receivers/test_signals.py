"""Shared Signals: signed tokens that are pushed, or fetched."""

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import MakeApp
from tests.receivers.conftest import Room
from tests.receivers.inbox import ISSUER, Inbox, read_set
from tests.site import Site
from timApp.accounts.receivers import add_receiver, owe_receiver_test, tell_test
from timApp.auth.site import db
from timApp.guard import Action, Actor, ActorKind
from timApp.receivers.event import EventType, reference_of
from timApp.receivers.receiver import ReceiverKind, Wanted
from timApp.receivers.securityevent import SESSION_REVOKED, VERIFICATION
from timApp.receivers.signingkey import KEPT_FOR, ensure_key, new_key, public_keys
from timApp.receivers.site import current_teller
from timApp.receivers.worker import tell_due
from timApp.util.errors import BadInput, Conflict

PUSH, POLL = ReceiverKind.SSF_PUSH, ReceiverKind.SSF_POLL


def keys_of(room: Room) -> dict[str, Any]:
    """Return the published keys."""
    with room.told.engine.connect() as connection:
        return {"keys": public_keys(connection)}


def test_an_ended_session_is_pushed_as_a_signed_token(room: Room, inbox: Inbox) -> None:
    """RFC 8935: a POST of a token with no subject and no end, that the published key verifies."""
    room.told.add(inbox, kind=PUSH, authorization="Bearer of the receiver")
    begun = room.log_in("a")
    room.do(Action.END, begun)
    inbox.status = 202
    tell_due(room.told.teller)
    (got,) = inbox.got
    assert got.headers["Content-Type"] == "application/secevent+jwt"
    assert got.headers["Authorization"] == "Bearer of the receiver"
    header, claims = read_set(got.body.decode(), keys_of(room))
    assert header == {"typ": "secevent+jwt", "alg": "RS256", "kid": keys_of(room)["keys"][0]["kid"]}
    assert claims == {
        "iss": ISSUER,
        "aud": inbox.url,
        "jti": room.notices()[0].message_id,
        "iat": 1796115602,
        "sub_id": {
            "format": "complex",
            "user": {"format": "iss_sub", "iss": ISSUER, "sub": "ann"},
            "session": {"format": "opaque", "id": reference_of(begun.session_id)},
        },
        "events": {
            SESSION_REVOKED: {
                "event_timestamp": 1796115602,
                "initiating_entity": "admin",
                "reason_admin": {"en": "seen"},
            }
        },
    }


def test_only_revoked_sessions_are_signals(room: Room, inbox: Inbox) -> None:
    """A blocked login and a verification revoke nothing; the session that gives way is revoked."""
    room.told.add(inbox, kind=PUSH)
    first, second = room.log_in("a"), room.log_in("b")
    room.do(Action.VERIFY, second)
    tell_due(room.told.teller)
    claims = [read_set(one.body.decode(), keys_of(room))[1] for one in inbox.got]
    assert [one["sub_id"]["session"]["id"] for one in claims] == [reference_of(first.session_id)]


def test_signals_of_what_they_do_not_know_are_refused(room: Room, inbox: Inbox) -> None:
    """A receiver of Shared Signals is one of revoked sessions, or none."""
    made = room.told.add(inbox, kind=PUSH)
    told = "session.invalidated,session.ended,session.copied"
    assert made.receiver.events == told
    with pytest.raises(BadInput, match="which events"):
        room.told.add(inbox, "blocked", kind=PUSH, events=[EventType.BLOCKED])


def test_the_words_of_a_refused_push_are_shown(room: Room, inbox: Inbox) -> None:
    """RFC 8935: a receiver says in JSON why it takes no token, and is asked again later."""
    room.told.add(inbox, kind=PUSH)
    room.do(Action.END, room.log_in("a"))
    inbox.status, inbox.words = 400, b'{"err": "invalid_key", "description": "unknown kid"}'
    (outcome,) = tell_due(room.told.teller)
    assert outcome.heard.error == "It answered 400: invalid_key unknown kid"


def test_a_site_that_has_lost_its_address_pushes_nothing(room: Room, inbox: Inbox) -> None:
    """Without SITE_URL a push waits, and the receiver shows why."""
    room.told.add(inbox, kind=PUSH)
    room.do(Action.END, room.log_in("a"))
    (outcome,) = tell_due(replace(room.told.teller, issuer=None))
    assert "SITE_URL" in (outcome.heard.error or "")
    assert inbox.got == []


def test_a_new_key_signs_at_once_and_the_old_one_stays_for_a_while(room: Room) -> None:
    """Tokens on their way can be verified after a new key was made, for a week at least."""
    with room.told.engine.begin() as connection:
        ensure_key(connection)
        ensure_key(connection)
    (first,) = keys_of(room)["keys"]
    assert {"n", "e", "kid", "use", "alg", "kty"} == set(first)  # nothing private
    room.clock.shift(KEPT_FOR)
    for _ in range(2):
        room.clock.shift(KEPT_FOR / 2)
        with room.told.engine.begin() as connection:
            kid = new_key(connection)
        assert keys_of(room)["keys"][0]["kid"] == kid
    assert first in keys_of(room)["keys"]
    room.clock.shift(KEPT_FOR)
    with room.told.engine.begin() as connection:
        new_key(connection)
    assert first not in keys_of(room)["keys"]


class Poller:
    """Who fetches from a site."""

    def __init__(self, site: Site) -> None:
        self.client = site.app.test_client()
        with site.app.app_context():
            from_site = current_teller()
            wanted = Wanted("siem", POLL)
            made = add_receiver(db, from_site, wanted, Actor(ActorKind.COMMAND_LINE, "root"))
            db.session.commit()
            self.path, self.token = f"/ssf/poll/{made.receiver.id}", made.secret

    def ask(self, content: object = None, token: str | None = None) -> Any:
        """Fetch, and return the answer."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return self.client.post(self.path, json=content or {}, headers=headers)

    def fetch(self, **content: object) -> dict[str, str]:
        """Fetch, and return the tokens by id."""
        answer = self.ask(content)
        assert answer.status_code == 200, answer.text
        sets: dict[str, str] = answer.json["sets"]
        return sets


@pytest.fixture
def hall(database_url: str, make_app: MakeApp) -> Site:
    """A site that is known by an address, with a student and a supervisor."""
    site = Site(make_app(database_url, SITE_URL=ISSUER, TRUSTED_HOSTS=["localhost"]))
    site.add_exam_hall()
    return site


def end_sessions(site: Site, count: int) -> None:
    """Let alice log in and out so often."""
    for _ in range(count):
        site.logged_in("alice").log_out()
    with site.app.app_context():
        tell_due(current_teller())


def test_who_fetches_is_given_what_is_owed_until_it_has_said_so(hall: Site) -> None:
    """RFC 8936: tokens come again until they are acknowledged, and each is signed by the site."""
    poller = Poller(hall)
    end_sessions(hall, 3)
    keys = hall.browser().get("/ssf/jwks.json")
    assert keys.mimetype == "application/jwk-set+json"
    first = poller.ask({"maxEvents": 2, "returnImmediately": True}).json
    assert first["moreAvailable"] is True
    assert len(first["sets"]) == 2
    for jti, token in first["sets"].items():
        _, claims = read_set(token, keys.json)
        assert (claims["jti"], claims["aud"]) == (jti, f"{ISSUER}{poller.path}")
        assert claims["events"][SESSION_REVOKED]["initiating_entity"] == "user"
    assert list(poller.fetch(maxEvents=2)) == list(first["sets"])
    acked, refused = first["sets"]
    left = poller.ask({"ack": [acked], "setErrs": {refused: {"err": "jwtParse"}}}).json
    assert (len(left["sets"]), left["moreAvailable"]) == (1, False)
    assert poller.fetch(ack=[acked, "unknown"], maxEvents=0) == {}
    assert poller.fetch(ack=list(left["sets"])) == {}


def test_a_test_of_who_fetches_is_a_verification_event(hall: Site) -> None:
    """A test is kept until it is fetched, as SSF's verification event about the stream."""
    poller = Poller(hall)
    with hall.app.app_context():
        receiver, message_id = owe_receiver_test(db, "siem")
        db.session.commit()
        assert tell_test(current_teller(), receiver, message_id) is None
    ((jti, token),) = poller.fetch().items()
    _, claims = read_set(token, hall.browser().get("/ssf/jwks.json").json)
    assert jti == message_id
    assert claims["events"] == {VERIFICATION: {}}
    assert claims["sub_id"]["format"] == "opaque"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer ssf_x"}, {"Authorization": "Basic eDp5"}]
)
def test_without_its_token_nobody_fetches(hall: Site, headers: dict[str, str]) -> None:
    """Whoever shows no token of the receiver gets nothing, and settles nothing."""
    poller = Poller(hall)
    end_sessions(hall, 1)
    answer = poller.client.post(poller.path, json={}, headers=headers)
    assert answer.status_code == 401
    assert "sets" not in (answer.json or {})
    assert poller.client.post("/ssf/poll/999", json={}).status_code == 401
    assert len(poller.fetch()) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"maxEvents": -1},
        {"maxEvents": "many"},
        {"ack": "x"},
        {"ack": [1]},
        {"setErrs": {"x": "bad"}},
        {"setErrs": {"x": {}}},
        {"unknown": 1},
        {"ack": ["x"] * 101},
    ],
)
def test_what_does_not_fit_is_refused(hall: Site, content: object) -> None:
    """A field that is unknown, or not what the RFC has, is refused, and nothing changes."""
    assert Poller(hall).ask(content).status_code == 422


def test_the_site_says_what_it_offers(hall: Site) -> None:
    """The configuration names what there is, and no address at which streams could be managed."""
    said = hall.browser().get("/.well-known/ssf-configuration").json
    assert said == {
        "spec_version": "1_0",
        "issuer": ISSUER,
        "jwks_uri": f"{ISSUER}/ssf/jwks.json",
        "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6750"}],
        "default_subjects": "ALL",
    }


def test_a_site_without_an_address_sends_no_signals(site: Site) -> None:
    """Nobody could tell whose they are: so they say 404, and no receiver of them is made."""
    for path in ("/.well-known/ssf-configuration", "/ssf/jwks.json"):
        assert site.browser().get(path).status_code == 404
    with site.app.app_context(), pytest.raises(Conflict, match="SITE_URL"):
        add_receiver(
            db, current_teller(), Wanted("siem", POLL), Actor(ActorKind.COMMAND_LINE, "root")
        )
