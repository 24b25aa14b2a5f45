"""The session guard: tracks logins, limits them, blocks the others, and lets people verify them.

It knows no web framework. `Guard` is its face; timApp's own pages use it as any program does.
"""

from timApp.guard.changes.change import (
    AllButOne,
    Change,
    Everybody,
    Matching,
    OnePerson,
    Picked,
    Receipt,
)
from timApp.guard.cookie import COOKIE_NAME, Claims, Cookies
from timApp.guard.guard import Guard
from timApp.guard.options import GuardOptions
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.verdict import Begun, Standing, Verdict
from timApp.guard.visitor import Visitor
from timApp.guard.vocabulary import Action, Actor, ActorKind, Cause, Place, State
from timApp.user.people import Identity, Person

__all__ = [
    "COOKIE_NAME",
    "Action",
    "Actor",
    "ActorKind",
    "AfterEnd",
    "AllButOne",
    "Begun",
    "Cause",
    "Change",
    "Claims",
    "Clocks",
    "Cookies",
    "DeviceRule",
    "Everybody",
    "Guard",
    "GuardOptions",
    "Identity",
    "Matching",
    "OnePerson",
    "OverLimit",
    "Person",
    "Picked",
    "Place",
    "Policy",
    "Receipt",
    "Standing",
    "State",
    "Verdict",
    "Visitor",
]
