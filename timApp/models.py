"""Imports every model once, so that the metadata is whole for the application and migrations."""

from timApp.auth.session.change import SessionChange
from timApp.auth.session.model import UserSession
from timApp.auth.session.precedence import SessionOrder
from timApp.auth.session.waiting import WaitingSession
from timApp.document.model import Document
from timApp.hosts.delivery import Delivery
from timApp.hosts.hostcall import HostCall
from timApp.hosts.nonce import SeenNonce
from timApp.hosts.peer import Peer
from timApp.hosts.wrongsecret import WrongSecret
from timApp.item.block import Block, BlockAccess
from timApp.supervise.hostview import HostView
from timApp.user.user import User
from timApp.user.usergroup import UserGroup

__all__ = [
    "Block",
    "BlockAccess",
    "Delivery",
    "Document",
    "HostCall",
    "HostView",
    "Peer",
    "SeenNonce",
    "SessionChange",
    "SessionOrder",
    "User",
    "UserGroup",
    "UserSession",
    "WaitingSession",
    "WrongSecret",
]
