"""The functions of `timApp.auth.session.util`, as their reference page describes them."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Any, get_type_hints

import pytest
import time_machine
from flask import session as cookie

from tests.changes import log_out_session
from tests.conftest import MakeApp
from tests.site import Site, log_in_here
from timApp.auth.session import util
from timApp.auth.session.util import (
    SessionExpired,
    add_user_session,
    current_session_id,
    distribute_session_verification,
    expire_user_session,
    has_valid_session,
    invalidate_sessions_for,
    is_allowed_document,
    session_has_access,
    verify_session_for,
)
from timApp.auth.site import db
from timApp.auth.visitor import act_as
from timApp.document.model import Document
from timApp.guard.vocabulary import Action, ActorKind
from timApp.item.accesstype import AccessType
from timApp.item.block import Block, grant_access
from timApp.item.item import Item, ItemBase
from timApp.user.user import User, require_user
from timApp.user.usergroup import ADMIN_GROUP, UserGroup, require_real_group
from timApp.util.errors import BadInput, NotFound

MORNING = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

#: Ids that no session has, some of which none could have.
UNKNOWN_IDS = ("unknown", "a\0b", "\ud800", "x" * 300)

REQUIRED = inspect.Parameter.empty


def person(site: Site, name: str, *groups: str) -> None:
    """Add a user who cannot log in: there is no hash to compute."""
    with site.app.app_context():
        user = User(name=name, password_hash="-")
        user.groups = [UserGroup(name=name), *(require_real_group(db, one) for one in groups)]
        db.session.add(user)
        db.session.commit()


def add(site: Site, name: str, *session_ids: str) -> None:
    """Add sessions of those ids, in this order."""
    with site.app.app_context():
        for session_id in session_ids:
            add_user_session(require_user(db, name), session_id, "test")
        db.session.commit()


@contextmanager
def request_of(site: Site, name: str | None, session_id: str | None = None) -> Iterator[User]:
    """Yield the user, in a request with a cookie of theirs; with no name, of nobody."""
    content = {} if name is None else {"_user_id": str(site.user_id(name))}
    if session_id is not None:
        content["session_id"] = session_id
    with site.app.test_request_context():
        cookie.update(content)
        yield require_user(db, name or "alice")


@pytest.fixture
def alices(site: Site) -> Site:
    """A site with one person, who has an active session `one` and an expired one `two`."""
    person(site, "alice")
    add(site, "alice", "one", "two")
    return site


@pytest.fixture
def untracked(database_url: str, make_app: MakeApp) -> Site:
    """A site on the same database as `alices`, which does not track sessions."""
    return Site(make_app(database_url, SESSIONS_ENABLE=False))


# The reference page's signatures

SIGNATURES: list[tuple[Callable[..., object], dict[str, tuple[object, object]], object]] = [
    (
        util.add_user_session,
        {"user": (User, REQUIRED), "session_id": (str, REQUIRED), "origin": (str, REQUIRED)},
        NoneType,
    ),
    (util.current_session_id, {}, str | None),
    (
        util.distribute_session_verification,
        {
            "action": (str, REQUIRED),
            "username": (str, REQUIRED),
            "session_id": (str | None, REQUIRED),
            "targets": (list[str], REQUIRED),
        },
        list[str],
    ),
    (
        util.expire_user_session,
        {"user": (User, REQUIRED), "session_id": (str | None, REQUIRED)},
        NoneType,
    ),
    (util.has_valid_session, {"user": (User | None, None)}, bool),
    (
        util.invalidate_sessions_for,
        {"username": (str, REQUIRED), "session_id": (str | None, None)},
        NoneType,
    ),
    (util.is_allowed_document, {"path": (str, REQUIRED)}, bool),
    (
        util.session_has_access,
        {"i": (ItemBase | Block, REQUIRED), "user": (User | None, None)},
        bool,
    ),
    (
        util.verify_session_for,
        {"username": (str, REQUIRED), "session_id": (str | None, None)},
        NoneType,
    ),
]


@pytest.mark.parametrize(
    ("function", "parameters", "returned"),
    SIGNATURES,
    ids=[function.__name__ for function, _, _ in SIGNATURES],
)
def test_signatures_are_those_of_the_reference_page(
    function: Callable[..., object], parameters: dict[str, tuple[object, object]], returned: object
) -> None:
    """Names, order, types and defaults of the parameters, and what is returned, are laid down."""
    hints = get_type_hints(function)
    found = {
        parameter.name: (hints[parameter.name], parameter.default)
        for parameter in inspect.signature(function).parameters.values()
    }
    assert list(found.items()) == list(parameters.items())
    assert hints["return"] == returned


def test_session_expired_is_a_plain_exception() -> None:
    """`SessionExpired` derives from `Exception` itself and needs no arguments."""
    assert SessionExpired.__bases__ == (Exception,)
    with pytest.raises(SessionExpired):
        raise SessionExpired


# current_session_id


def test_current_session_id_is_the_id_of_the_cookies_session(alices: Site) -> None:
    """The id is that of the cookie, whether the session is active or expired."""
    for session_id in ("one", "two"):
        with request_of(alices, "alice", session_id):
            assert current_session_id() == session_id


def test_current_session_id_is_none_for_anonymous_visitors(alices: Site) -> None:
    """Nobody logged in, no id; not even if the cookie has one left."""
    with request_of(alices, None):
        assert current_session_id() is None
    with request_of(alices, None, "one"):
        assert current_session_id() is None


def test_current_session_id_is_none_without_session_info(alices: Site) -> None:
    """Somebody whose login is older than the tracking of sessions has no id."""
    with request_of(alices, "alice"):
        assert current_session_id() is None


def test_current_session_id_is_none_after_the_session_was_logged_out(alices: Site) -> None:
    """A cookie of a session that is over is nobody's."""
    with alices.app.app_context():
        log_out_session(require_user(db, "alice").id, "one")
        db.session.commit()
    with request_of(alices, "alice", "one"):
        assert current_session_id() is None


def test_current_session_id_is_none_for_a_deleted_account(alices: Site) -> None:
    """A cookie of an account that is not there is nobody's."""
    with alices.app.test_request_context():
        cookie.update({"_user_id": "4711", "session_id": "one"})
        assert current_session_id() is None
        assert has_valid_session() is True


# has_valid_session


def test_has_valid_session_is_true_for_an_active_session_and_false_for_an_expired_one(
    alices: Site,
) -> None:
    """Valid is who has an active session, whether asked about as such or by name."""
    with request_of(alices, "alice", "one") as alice:
        assert has_valid_session() is True
        assert has_valid_session(None) is True
        assert has_valid_session(alice) is True
    with request_of(alices, "alice", "two") as alice:
        assert has_valid_session() is False
        assert has_valid_session(alice) is False


def test_has_valid_session_is_false_for_a_session_unknown_here_and_for_none(alices: Site) -> None:
    """A cookie whose session is not recorded, or that has none, is not valid."""
    for session_id in ("unknown", None):
        with request_of(alices, "alice", session_id):
            assert has_valid_session() is False


def test_has_valid_session_is_false_for_another_persons_session(alices: Site) -> None:
    """An active session counts for its owner only."""
    person(alices, "bob")
    with request_of(alices, "bob", "one"):
        assert has_valid_session() is False


def test_has_valid_session_asks_the_database_each_time(alices: Site) -> None:
    """A change in the middle of a request shows in the next answer."""
    with request_of(alices, "alice", "one"):
        assert has_valid_session() is True
        invalidate_sessions_for("alice")
        assert has_valid_session() is False
        verify_session_for("alice", "one")
        assert has_valid_session() is True


def test_has_valid_session_is_true_while_tracking_is_off(alices: Site, untracked: Site) -> None:
    """With SESSIONS_ENABLE off everybody's session is valid."""
    assert alices.active("alice") == {"one"}
    for session_id in ("one", "two", "unknown", None):
        with request_of(untracked, "alice", session_id) as alice:
            assert has_valid_session() is True
            assert has_valid_session(alice) is True


def test_has_valid_session_is_true_outside_a_request(alices: Site) -> None:
    """At the command line there is no cookie and nobody is blocked."""
    with alices.app.app_context():
        assert has_valid_session() is True
        assert has_valid_session(require_user(db, "alice")) is True


def test_has_valid_session_is_true_for_anonymous_visitors(alices: Site) -> None:
    """Who is not logged in has no session that could expire."""
    with request_of(alices, None) as alice:
        assert has_valid_session() is True
        assert has_valid_session(alice) is True


def test_has_valid_session_is_true_for_administrators(alices: Site) -> None:
    """An administrator's session is valid, recorded or not, expired or not."""
    person(alices, "admin", ADMIN_GROUP)
    add(alices, "admin", "first", "second")
    for session_id in ("first", "second", "unknown", None):
        with request_of(alices, "admin", session_id):
            assert has_valid_session() is True


def test_has_valid_session_is_true_for_somebody_who_is_not_the_current_user(alices: Site) -> None:
    """The cookie says nothing of other people, so they are not blocked by it."""
    person(alices, "bob")
    with request_of(alices, "alice", "two"):
        assert has_valid_session(require_user(db, "bob")) is True
        assert has_valid_session(require_user(db, "alice")) is False


def test_has_valid_session_holds_in_the_very_request_that_logs_in(alices: Site) -> None:
    """Right after the login the new session decides, active or over the limit."""
    for session_id, is_valid in (("one", True), ("two", False)):
        with alices.app.test_request_context():
            log_in_here(require_user(db, "alice"), session_id)
            assert has_valid_session() is is_valid
            assert current_session_id() == session_id


# is_allowed_document


def test_is_allowed_document_knows_exact_paths_only(sqlite_url: str, make_app: MakeApp) -> None:
    """A path is allowed if it is configured letter for letter."""
    app = make_app(sqlite_url, SESSION_BLOCK_IGNORE_DOCUMENTS=["exam/help", "rules"])
    others = (
        "exam",
        "exam/help/",
        "/exam/help",
        "exam/help/more",
        "exam/Help",
        "EXAM/HELP",
        "exam/hel",
        "exam//help",
        " rules",
        "rules\0",
        "rules\ud800",
        "",
    )
    with app.app_context():
        assert is_allowed_document("exam/help") is True
        assert is_allowed_document("rules") is True
        assert [path for path in others if is_allowed_document(path) is not False] == []


# session_has_access


def _documents(site: Site) -> None:
    site.add_document("exam", ["alice"])
    site.add_document("other")
    site.add_document("help", ["alice"])
    site.app.config["SESSION_BLOCK_IGNORE_DOCUMENTS"] = ["help"]


def _document(path: str) -> Document:
    document = Document.get_by_path(db, path)
    assert document is not None
    return document


def test_session_has_access_needs_the_right_and_a_valid_session(alices: Site) -> None:
    """An item or its block is open to whoever has both a right to it and a valid session."""
    _documents(alices)
    with request_of(alices, "alice", "one") as alice:
        for user in (None, alice):
            assert session_has_access(_document("exam"), user) is True
            assert session_has_access(_document("exam").block, user) is True
            assert session_has_access(_document("other"), user) is False
            assert session_has_access(_document("other").block, user) is False
    with request_of(alices, "alice", "two") as alice:
        for user in (None, alice):
            assert session_has_access(_document("exam"), user) is False
            assert session_has_access(_document("exam").block, user) is False


def test_session_has_access_to_allowed_documents_with_an_expired_session(alices: Site) -> None:
    """An allowed document is open with an expired session; its block, without a path, is not."""
    _documents(alices)
    with request_of(alices, "alice", "two"):
        assert session_has_access(_document("help")) is True
        assert session_has_access(_document("help").block) is False
        alices.app.config["SESSION_BLOCK_IGNORE_DOCUMENTS"] = ["other"]
        assert session_has_access(_document("other")) is False


def test_session_has_access_is_false_for_anonymous_visitors(alices: Site) -> None:
    """Nobody has access to anything, not even outside a request; a named user has their rights."""
    _documents(alices)
    with request_of(alices, None) as alice:
        assert session_has_access(_document("exam")) is False
        assert session_has_access(_document("help").block) is False
        assert session_has_access(_document("exam"), alice) is True
    with alices.app.app_context():
        assert session_has_access(_document("exam")) is False
        assert session_has_access(_document("exam"), require_user(db, "alice")) is True
        assert session_has_access(_document("other"), require_user(db, "alice")) is False


def test_session_has_access_of_somebody_else_depends_on_their_rights_only(alices: Site) -> None:
    """The current cookie does not block another person, nor lend them its owner's rights."""
    _documents(alices)
    person(alices, "bob")
    with request_of(alices, "alice", "two"):
        assert session_has_access(_document("exam"), require_user(db, "bob")) is False
    with request_of(alices, "bob", "unknown") as bob:
        assert session_has_access(_document("exam"), require_user(db, "alice")) is True
        assert session_has_access(_document("exam"), bob) is False


def test_session_has_access_is_true_for_administrators(alices: Site) -> None:
    """An administrator has access to every item and block, with any session."""
    _documents(alices)
    person(alices, "admin", ADMIN_GROUP)
    with request_of(alices, "admin", "unknown") as admin:
        for user in (None, admin):
            assert session_has_access(_document("other"), user) is True
            assert session_has_access(_document("other").block, user) is True


def test_session_has_access_depends_on_rights_only_while_tracking_is_off(
    alices: Site, untracked: Site
) -> None:
    """With SESSIONS_ENABLE off an expired session is as good as any."""
    _documents(alices)
    with request_of(untracked, "alice", "two"):
        assert session_has_access(_document("exam")) is True
        assert session_has_access(_document("other")) is False


def test_session_has_access_to_a_block_that_is_no_documents(alices: Site) -> None:
    """Blocks of any kind carry rights, and a block that is not stored has none."""
    with alices.app.app_context():
        block = Block(kind="folder")
        db.session.add(block)
        db.session.flush()
        group = UserGroup.get_by_name(db, "alice")
        assert group is not None
        grant_access(db, block, group, AccessType.MANAGE)
        db.session.commit()
        block_id = block.id
    with request_of(alices, "alice", "one"):
        assert session_has_access(db.session.get_one(Block, block_id)) is True
        assert session_has_access(Block(id=4711, kind="folder")) is False


def test_items_are_item_bases() -> None:
    """Documents are items, and items have the rights of `ItemBase`."""
    assert issubclass(Document, Item)
    assert issubclass(Item, ItemBase)


# add_user_session


def test_add_user_session_adds_an_active_session_within_the_limit(site: Site) -> None:
    """The session belongs to the user, starts now, has the origin, and is active."""
    person(site, "alice")
    with time_machine.travel(MORNING, tick=False), site.app.app_context():
        assert add_user_session(require_user(db, "alice"), "one", "[192.0.2.1] Firefox") is None  # type: ignore[func-returns-value]
        db.session.commit()
    session = site.sessions("alice")["one"]
    assert session.user_id == site.user_id("alice")
    assert (session.logged_in_at, session.expired_at, session.logged_out_at) == (
        MORNING,
        None,
        None,
    )
    assert session.origin == "[192.0.2.1] Firefox"


def test_add_user_session_is_expired_from_birth_over_the_limit(alices: Site) -> None:
    """The first session is active, the second one over the limit of one is not."""
    assert alices.active("alice") == {"one"}
    assert [change.action for change in alices.changes()] == [Action.LOGIN, Action.BLOCKED_LOGIN]


def test_add_user_session_leaves_the_commit_to_the_caller(site: Site) -> None:
    """What is not committed never happened."""
    person(site, "alice")
    with site.app.app_context():
        add_user_session(require_user(db, "alice"), "one", "test")
        assert [session.session_id for session in require_user(db, "alice").sessions] == ["one"]
        db.session.rollback()
    assert site.sessions("alice") == {}
    assert site.changes() == []


def test_add_user_session_does_nothing_while_tracking_is_off(untracked: Site) -> None:
    """With SESSIONS_ENABLE off no session is recorded."""
    person(untracked, "alice")
    add(untracked, "alice", "one")
    assert untracked.sessions("alice") == {}


def test_add_user_session_refuses_ids_that_cannot_be_or_have_been_used(alices: Site) -> None:
    """An empty, overlong, unstorable or used id is a `BadInput` that names the field."""
    for session_id in ("", "x" * 256, "a\0b", "\ud800", "one"):
        with alices.app.app_context():
            with pytest.raises(BadInput) as caught:
                add_user_session(require_user(db, "alice"), session_id, "test")
            assert caught.value.field == "session_id"
            db.session.commit()
    assert set(alices.sessions("alice")) == {"one", "two"}


def test_add_user_session_takes_the_same_id_for_another_user(alices: Site) -> None:
    """Ids are unique for each user."""
    person(alices, "bob")
    add(alices, "bob", "one", "x" * 255)
    assert alices.active("bob") == {"one"}
    assert alices.active("alice") == {"one"}


def test_add_user_session_takes_any_origin(site: Site, subtests: pytest.Subtests) -> None:
    """An origin is free text: what no database can hold is replaced, and long ones are cut."""
    person(site, "alice")
    for number, (origin, stored) in enumerate(
        [
            ("", ""),
            ("x" * 5000, "x" * 1000),
            ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
            ("😀 '\";--\n\t", "😀 '\";--\n\t"),
            ("half \ud800", "half \N{REPLACEMENT CHARACTER}"),
        ]
    ):
        with subtests.test(origin=ascii(origin)[:20]):
            with site.app.app_context():
                add_user_session(require_user(db, "alice"), str(number), origin)
                db.session.commit()
            assert site.sessions("alice")[str(number)].origin == stored


def test_add_user_session_is_recorded_as_done_by_whoever_the_request_acts_as(site: Site) -> None:
    """Who logs in is not yet the current user, so the request can say who it is."""
    person(site, "alice")
    environment = {"REMOTE_ADDR": "192.0.2.1"}
    with site.app.test_request_context(environ_base=environment):
        add_user_session(require_user(db, "alice"), "one", "test")
        act_as(ActorKind.USER, "alice")
        add_user_session(require_user(db, "alice"), "two", "test")
        db.session.commit()
    assert [(c.actor_kind, c.actor, c.address) for c in site.changes()] == [
        (ActorKind.USER, "", "192.0.2.1"),
        (ActorKind.USER, "alice", "192.0.2.1"),
    ]


# expire_user_session


def test_expire_user_session_expires_that_session_now(alices: Site) -> None:
    """The named session of the user expires, and no other."""
    person(alices, "bob")
    add(alices, "bob", "one")
    with time_machine.travel(MORNING, tick=False), alices.app.app_context():
        expire_user_session(require_user(db, "alice"), "one")
        db.session.commit()
    assert alices.sessions("alice")["one"].expired_at == MORNING
    assert alices.active("bob") == {"one"}


def test_expire_user_session_does_nothing_without_such_an_active_session(
    alices: Site, subtests: pytest.Subtests
) -> None:
    """None, an unknown id, one that cannot exist and an expired session change nothing."""
    before = {id_: session.expired_at for id_, session in alices.sessions("alice").items()}
    for session_id in (None, "", "two", *UNKNOWN_IDS):
        with subtests.test(session_id=ascii(session_id)[:20]), alices.app.app_context():
            expire_user_session(require_user(db, "alice"), session_id)
            db.session.commit()
    after = {id_: session.expired_at for id_, session in alices.sessions("alice").items()}
    assert after == before


# verify_session_for


def test_verify_session_for_makes_one_session_active_and_expires_the_others(alices: Site) -> None:
    """With an id that session is active, without one the latest, and repeating changes nothing."""
    with alices.app.app_context():
        for _ in range(2):
            verify_session_for("alice")
        db.session.commit()
    assert alices.active("alice") == {"two"}
    with alices.app.app_context():
        for _ in range(2):
            verify_session_for("alice", "one")
        db.session.commit()
    assert alices.active("alice") == {"one"}
    assert len(alices.changes()) == 4


def test_verify_session_for_a_user_without_sessions_changes_nothing(site: Site) -> None:
    """There is nothing to verify, and nothing is made up."""
    person(site, "alice")
    with site.app.app_context():
        verify_session_for("alice")
        verify_session_for("alice", "unknown")
        db.session.commit()
    assert site.sessions("alice") == {}
    assert site.changes() == []


def test_verify_session_for_an_id_unknown_here_expires_the_others(
    alices: Site, subtests: pytest.Subtests
) -> None:
    """An id that this host does not have, be it one that it could not have, expires the rest."""
    for session_id in UNKNOWN_IDS:
        with subtests.test(session_id=ascii(session_id)[:20]):
            with alices.app.app_context():
                verify_session_for("alice", "one")
                verify_session_for("alice", session_id)
                db.session.commit()
            assert alices.active("alice") == set()


def test_verify_session_for_a_logged_out_session_expires_the_others(alices: Site) -> None:
    """A logged-out session stays over, and the others expire as for an unknown one."""
    with alices.app.app_context():
        log_out_session(require_user(db, "alice").id, "two")
        verify_session_for("alice", "two")
        db.session.commit()
    assert alices.active("alice") == set()


def test_verify_and_invalidate_refuse_an_unknown_user(site: Site) -> None:
    """There being no such user is a `NotFound` that names the field, in one readable sentence."""
    for name in ("nobody", "", "ALICE", "alice ", "a\0b", "\ud800", "x" * 10_000):
        for function in (verify_session_for, invalidate_sessions_for):
            with site.app.app_context():
                with pytest.raises(NotFound, match="There is no user named") as caught:
                    function(name)
                assert caught.value.field == "user"
                assert len(caught.value.message) < 200


# invalidate_sessions_for


def test_invalidate_sessions_for_expires_all_active_sessions_or_the_named_one(
    database_url: str, make_app: MakeApp
) -> None:
    """Without an id all active sessions of the user expire, with one only that."""
    site = Site(make_app(database_url, SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=None))
    person(site, "alice")
    add(site, "alice", "one", "two", "three")
    with site.app.app_context():
        invalidate_sessions_for("alice", "two")
        db.session.commit()
    assert site.active("alice") == {"one", "three"}
    with site.app.app_context():
        for _ in range(2):
            invalidate_sessions_for("alice")
        db.session.commit()
    assert site.active("alice") == set()
    assert [change.session_count for change in site.changes()[3:]] == [1, 2]


def test_an_empty_id_means_the_same_as_none(alices: Site) -> None:
    """`verify_session_for` takes the latest session then, `invalidate_sessions_for` all of them."""
    with alices.app.app_context():
        verify_session_for("alice", "")
        db.session.commit()
    assert alices.active("alice") == {"two"}
    with alices.app.app_context():
        invalidate_sessions_for("alice", "")
        db.session.commit()
    assert alices.active("alice") == set()


def test_invalidate_sessions_for_an_unknown_session_changes_nothing(
    alices: Site, subtests: pytest.Subtests
) -> None:
    """An id that is unknown, or that could not exist, is nothing to invalidate."""
    for session_id in ("two", *UNKNOWN_IDS):
        with subtests.test(session_id=ascii(session_id)[:20]), alices.app.app_context():
            invalidate_sessions_for("alice", session_id)
            db.session.commit()
    assert alices.active("alice") == {"one"}
    assert len(alices.changes()) == 2


# log_out_session


def test_log_out_session_without_such_a_session_changes_nothing(alices: Site) -> None:
    """An unknown session, and one of an unknown person, is nothing to log out."""
    with alices.app.app_context():
        log_out_session(require_user(db, "alice").id, "unknown")
        log_out_session(4711, "one")
        db.session.commit()
    assert {s.logged_out_at for s in alices.sessions("alice").values()} == {None}
    assert len(alices.changes()) == 2


def test_log_out_session_ends_it_for_good(alices: Site) -> None:
    """An active session expires when it is logged out; repeating it changes nothing."""
    with time_machine.travel(MORNING, tick=False) as clock, alices.app.app_context():
        alice = require_user(db, "alice").id
        log_out_session(alice, "one")
        clock.shift(HOUR)
        log_out_session(alice, "one")
        db.session.commit()
    session = alices.sessions("alice")["one"]
    assert (session.expired_at, session.logged_out_at) == (MORNING, MORNING)


# distribute_session_verification


def test_distribute_session_verification_reports_what_it_cannot_do(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """What is missing for asking anybody is an error each, and nobody is asked."""
    nobody: dict[str, Any] = {"exam": {"hosts": []}}
    somebody = {"exam": {"hosts": ["http://192.0.2.1"]}}
    for hosts, action, targets, errors in (
        ({}, "verify", [], []),
        ({}, "verify", ["nowhere"], ["There is no target 'nowhere' in DIST_RIGHTS_HOSTS."]),
        (
            nobody,
            "invalidate",
            ["exam"],
            ["The target 'exam' has no hosts in DIST_RIGHTS_HOSTS."],
        ),
        (
            somebody,
            "verify",
            ["exam"],
            ["No host was asked: DIST_RIGHTS_SEND_SECRET is not configured."],
        ),
        (
            somebody,
            "delete",
            ["exam"],
            ["There is no action 'delete'; it is one of verify, invalidate."],
        ),
    ):
        with make_app(sqlite_url, DIST_RIGHTS_HOSTS=hosts).app_context():
            assert distribute_session_verification(action, "alice", None, targets) == errors
