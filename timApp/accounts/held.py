"""All that is held of one person, for them to read: GDPR, article 15."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa

from timApp.accounts.account import Account
from timApp.accounts.names import made_by, names_of
from timApp.accounts.rights import rights_of
from timApp.database.work import UnitOfWork
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.exam import Exam
from timApp.guard.tables.handin import HandIn
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.look import Look
from timApp.guard.tables.order import SessionOrder
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.undo import Undoable
from timApp.guard.tables.waiting import WaitingSession
from timApp.hosts.outbox.delivery import Delivery
from timApp.receivers.notice import Notice
from timApp.user.apitoken import ApiToken
from timApp.user.attempts.failed import FailedLogin
from timApp.user.factor.challenge import PasskeyChallenge
from timApp.user.factor.passkey import Passkey
from timApp.user.factor.proof import SessionProof
from timApp.user.federated import FederatedIdentity, FederatedLogin
from timApp.user.roster.draft import RosterDraft
from timApp.util.clock import now


def held_of(work: UnitOfWork, account: Account) -> dict[str, Any]:
    """Return all that the database has of a person, as JSON can have it; times are ISO 8601, UTC.

    Not in it are the hash of their password, of which is only said that there is one, and the
    content of a class list that they have sent, which is about others. Of changes there are those
    of their sessions and account, and those that they have made. The number of statements does not
    grow with what there is.
    """
    said = asdict(account)
    said["state"] = account.state
    return {
        "exported_at": _plain(now()),
        "account": {name: _plain(value) for name, value in said.items()},
        "rights": [asdict(one) for one in rights_of(work, account.id)],
        **{name: list(_rows(work, query)) for name, query in _queries(work, account).items()},
    }


def _queries(work: UnitOfWork, account: Account) -> Mapping[str, sa.Select[*tuple[Any, ...]]]:
    names = names_of(work, account)
    changes, deliveries = SessionChange.__table__.c, Delivery.__table__.c
    is_told = sa.or_(
        *(one.was_said(deliveries.user_name, deliveries.at) for one in names),
        *(one.was_said(deliveries.made_by, deliveries.at) for one in names),
    )
    sent = RosterDraft.__table__.c
    handed_in = HandIn.__table__.c
    return {
        "sessions": _all_of(UserSession.__table__.c, account),
        "changes": sa.select(*changes)
        .where(sa.or_(changes.user_id == account.id, made_by(names)))
        .order_by(changes.id),
        "failed_logins": _all_of(FailedLogin.__table__.c, account),
        "handed_in": sa.select(Exam.title.label("exam"), handed_in.handed_in_at)
        .join(Exam, Exam.id == handed_in.exam_id)
        .where(handed_in.user_id == account.id)
        .order_by(handed_in.handed_in_at),
        "waiting": _all_of(WaitingSession.__table__.c, account),
        "held": _all_of(SessionHold.__table__.c, account),
        "passkeys": _all_of(Passkey.__table__.c, account),
        "passkeys_asked_for": _all_of(PasskeyChallenge.__table__.c, account),
        "api_tokens": _all_of(ApiToken.__table__.c, account),
        "vouched_for": _all_of(FederatedIdentity.__table__.c, account),
        "vouched_logins": _all_of(FederatedLogin.__table__.c, account),
        "proved": _all_of(SessionProof.__table__.c, account),
        "copied": _all_of(CopiedSession.__table__.c, account),
        "ordered_changes": _all_of(SessionOrder.__table__.c, account),
        "can_be_undone": _all_of(Undoable.__table__.c, account),
        "looked_at": _all_of(Look.__table__.c, account),
        "looks_at": sa.select(*Look.__table__.c).where(
            Look.__table__.c.supervisor_id == account.id
        ),
        "lists_sent": sa.select(sent.file_name, sent.sent_at).where(sent.user_id == account.id),
        "told_to_receivers": _all_of(Notice.__table__.c, account),
        "told_to_hosts": sa.select(*deliveries).where(is_told).order_by(deliveries.id),
    }


def _all_of(columns: Any, account: Account) -> sa.Select[*tuple[Any, ...]]:
    """Return the query for the rows of a person's in a table, in the order of its key."""
    table: sa.Table = columns.user_id.table
    return (
        sa.select(*columns)
        .where(columns.user_id == account.id)
        .order_by(*table.primary_key.columns)
    )


def _rows(work: UnitOfWork, query: sa.Select[*tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    for row in work.session.execute(query).mappings():
        yield {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value
