"""A site that has something in each of its tables, and what is in a database."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tests.site import Site
from timApp.auth.site import db
from timApp.database.model import Model
from timApp.document.attachment import save_attachment
from timApp.document.exam import set_documents
from timApp.guard.exams.browser import use_file
from timApp.guard.exams.sebfile import SebSite, make_seb_file
from timApp.guard.rules.exambrowser import BrowserRule, KeyState
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.exam import Exam
from timApp.guard.tables.handin import HandIn
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.look import Look
from timApp.guard.tables.order import SessionOrder
from timApp.guard.tables.seat import Seat
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.undo import Undoable
from timApp.guard.vocabulary import Action
from timApp.hosts.outbox.delivery import Delivery, DeliveryState
from timApp.net.calllog import HostCall
from timApp.net.nonce import SeenNonce
from timApp.net.peer import Peer
from timApp.net.wrongsecret import WrongSecret
from timApp.receivers.notice import Notice, NoticeState, UntoldChange
from timApp.receivers.receiver import Receiver, ReceiverKind
from timApp.receivers.signingkey import SigningKey
from timApp.user.apitoken import ApiToken, TokenScope
from timApp.user.attempts.failed import FailedLogin
from timApp.user.attempts.throttle import PasswordFailures
from timApp.user.factor.challenge import PasskeyChallenge, Purpose
from timApp.user.factor.passkey import Passkey
from timApp.user.factor.proof import SessionProof
from timApp.user.federated import FederatedIdentity, FederatedLogin
from timApp.user.roster.draft import keep_draft
from timApp.user.user import User, create_user, require_user
from timApp.user.usergroup import require_group
from timApp.util.clock import now
from timApp.util.folded import folded

#: All that a file of lines and tabs could stumble over.
ODD = "tab\t, line\n, return\r, \\N, \\., \\\\t, 'quotes\", \b\v\f\x7f, häßlich 🎓, \u2028 %s {}"

#: Tables that only have rows within a transaction.
_NEVER_FILLED = {"tidying"}


def fill(site: Site) -> None:
    """Put people, rights, sessions of each state, and odd things into the tables."""
    site.add_exam_hall()
    site.blocked()
    with site.app.app_context():
        moment = now()
        user_id = require_user(db, "alice").id
        create_user(db, "without a password", None)
        keyholder_id = require_user(db, "without a password").id
        searched = folded("alice", "Alice", ODD)
        db.session.execute(
            sa.update(User).where(User.id == user_id).values(email=ODD, search_text=searched)
        )
        db.session.add_all(
            [
                Peer(host="https://a.example", signs=True, is_unsigned=False, answer="[]"),
                Peer(host="https://b.example", signs=False, is_unsigned=True, last_failure=ODD),
                Seat(key="4/032/a01020e", network="10.1.2.14", name=ODD),
                SeenNonce(nonce="n", seen_at=moment.replace(microsecond=0)),
                SessionHold(user_id=user_id, session_id="", since=moment),
                CopiedSession(
                    user_id=user_id,
                    session_id=ODD,
                    older_until=255,
                    older_session_id="older",
                    newer_session_id="newer",
                ),
                Exam(
                    title=ODD,
                    title_key="odd",
                    starts_at=moment,
                    ends_at=moment + timedelta(hours=1),
                    over_limit=OverLimit.BLOCK_NEW,
                    after_end=AfterEnd.HOLD,
                    device=DeviceRule.SAME,
                    groups=[require_group(db, "alice")],
                    supervisors=[require_group(db, "supervisor")],
                ),
                ApiToken(
                    prefix="00000000",
                    user_id=user_id,
                    name=ODD,
                    digest="d",
                    scope=TokenScope.READ,
                    made_at=moment,
                    ends_at=moment,
                ),
                FederatedIdentity(issuer="https://op", subject=ODD, user_id=user_id),
                FederatedLogin(
                    user_id=user_id,
                    session_id=ODD,
                    issuer="https://op",
                    subject=ODD,
                    provider_session="s",
                ),
                FailedLogin(at=moment, user_id=None, address="192.0.2.1"),
                Passkey(
                    credential_id="id",
                    user_id=keyholder_id,
                    public_key="key",
                    sign_count=2**32 - 1,
                    transports="usb",
                    name=ODD,
                    made_at=moment,
                ),
                PasskeyChallenge(
                    challenge="c",
                    user_id=keyholder_id,
                    purpose=Purpose.LOGIN,
                    bound_to=ODD,
                    made_at=moment,
                ),
                SessionProof(user_id=user_id, session_id=ODD, proved_at=moment),
                PasswordFailures(subject="s", place=ODD, failures=3, last_at=moment),
                WrongSecret(at=moment, address="192.0.2.1", path=ODD),
                HostCall(at=moment, host="h", action="verify", seconds=0.1 + 0.2),
                SessionOrder(user_id=user_id, at=moment, change_id="c", action=Action.VERIFY),
                Receiver(
                    name=ODD,
                    kind=ReceiverKind.WEBHOOK,
                    url="https://a.example/hook",
                    events="session.ended",
                    secret="whsec_" + "A" * 44,
                    made_at=moment,
                    next_attempt_at=moment,
                ),
                SigningKey(kid="k", jwk="{}", made_at=moment),
                UntoldChange(change_id=1),
                Delivery(
                    host="https://a.example",
                    action=Action.INVALIDATE,
                    user_name="alice",
                    at=moment - timedelta(days=20_000),
                    change_id="c",
                    made_by="",
                    reason=ODD,
                    state=DeliveryState.OWED,
                    attempts=3,
                    next_attempt_at=moment,
                ),
            ]
        )
        db.session.commit()
    site.add_document("odd", ["alice"], source=f"# Odd\n{ODD}\n\n![](proof.png)")
    with site.app.app_context():
        exam = db.session.scalars(sa.select(Exam)).one()
        set_documents(db, exam, ["odd"])
        exam.browser, exam.browser_keys = BrowserRule.SHOWN, "0" * 64
        use_file(exam, make_seb_file(SebSite("https://a.example/"), exam.id))
        db.session.execute(sa.update(UserSession).values(key_state=KeyState.WRONG))
        sitter = db.session.scalars(sa.select(User)).first()
        assert sitter is not None
        db.session.add(HandIn(exam_id=exam.id, user_id=sitter.id, handed_in_at=now()))
        save_attachment(db, "exam/\u202eproof.png", b"\0\1")
        keep_draft(db, sitter.id, b"username\nx\n", "list.csv")
        db.session.add(Undoable(change_id=1, user_id=sitter.id, before="[[], []]"))
        db.session.add(
            Notice(
                receiver_id=db.session.scalars(sa.select(Receiver.id)).one(),
                message_id="m",
                type="session.ended",
                change_id=1,
                user_id=db.session.scalars(sa.select(User.id).where(User.name == "alice")).one(),
                session_id=ODD,
                made_at=now(),
                state=NoticeState.OWED,
                next_attempt_at=now(),
            )
        )
        db.session.add(Look(supervisor_id=sitter.id, user_id=sitter.id, at=now()))
        db.session.commit()
    supervisor = site.logged_in("supervisor")
    supervisor.log_out()


def content(engine: sa.Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables, in the same order whichever kind of database it is."""
    with orm.Session(engine) as session:
        return {
            table.name: sorted(
                (tuple(row) for row in session.execute(sa.select(*table.columns))), key=repr
            )
            for table in Model.metadata.sorted_tables
        }


def require_filled(found: dict[str, list[tuple[Any, ...]]]) -> None:
    """Fail if a table is empty of which a test is to say something."""
    assert {name for name, rows in found.items() if not rows} == _NEVER_FILLED
