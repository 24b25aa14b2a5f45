"""Imports every model once, so that the metadata is whole for the application and migrations."""

from timApp.document.attachment import Attachment
from timApp.document.exam import exam_documents
from timApp.document.model import Document
from timApp.document.reference import DocumentReference
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.exam import Exam
from timApp.guard.tables.handin import HandIn
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.look import Look
from timApp.guard.tables.order import SessionOrder
from timApp.guard.tables.seat import Seat
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.tidying import Tidying
from timApp.guard.tables.undo import Undoable
from timApp.guard.tables.waiting import WaitingSession
from timApp.hosts.outbox.delivery import Delivery
from timApp.item.block import Block, BlockAccess
from timApp.net.calllog import HostCall
from timApp.net.nonce import SeenNonce
from timApp.net.peer import Peer
from timApp.net.wrongsecret import WrongSecret
from timApp.receivers.notice import Notice, UntoldChange
from timApp.receivers.receiver import Receiver
from timApp.receivers.signingkey import SigningKey
from timApp.user.apitoken import ApiToken
from timApp.user.attempts.failed import FailedLogin
from timApp.user.attempts.throttle import PasswordFailures
from timApp.user.factor.challenge import PasskeyChallenge
from timApp.user.factor.passkey import Passkey
from timApp.user.factor.proof import SessionProof
from timApp.user.federated import FederatedIdentity, FederatedLogin
from timApp.user.roster.draft import RosterDraft
from timApp.user.user import User
from timApp.user.usergroup import UserGroup

__all__ = [
    "ApiToken",
    "Attachment",
    "Block",
    "BlockAccess",
    "CopiedSession",
    "Delivery",
    "Document",
    "DocumentReference",
    "Exam",
    "FailedLogin",
    "FederatedIdentity",
    "FederatedLogin",
    "HandIn",
    "HostCall",
    "Look",
    "Notice",
    "Passkey",
    "PasskeyChallenge",
    "PasswordFailures",
    "Peer",
    "Receiver",
    "RosterDraft",
    "Seat",
    "SeenNonce",
    "SessionChange",
    "SessionHold",
    "SessionOrder",
    "SessionProof",
    "SigningKey",
    "Tidying",
    "Undoable",
    "UntoldChange",
    "User",
    "UserGroup",
    "UserSession",
    "WaitingSession",
    "WrongSecret",
    "exam_documents",
]
