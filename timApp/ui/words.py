"""What the guard and its errors say, in the reader's language: its own words are data."""

from collections.abc import Mapping
from typing import Protocol

from flask import Flask
from flask_babel import gettext, lazy_gettext

from timApp.guard.reading.activity import Series
from timApp.guard.reading.device import Device
from timApp.guard.rules.cause import OF_BLOCKED_LOGINS, Explanation
from timApp.guard.rules.exam import Phase
from timApp.guard.rules.exambrowser import BrowserRule, KeyState
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit
from timApp.guard.tables.change import SessionChange
from timApp.guard.vocabulary import Action, ActorKind, Cause, State
from timApp.user.apitoken import TokenScope
from timApp.util.errors import TimError
from timApp.util.text import bytes_text

_CAUSES = {
    Cause.OVER_LIMIT: lazy_gettext(
        "You were logged in on another device when you logged in on this one."
    ),
    Cause.HELD: lazy_gettext(
        "An earlier session or login of yours was stopped, and no supervisor has verified you"
        " since."
    ),
    Cause.OTHER_DEVICE: lazy_gettext("You were last logged in with another browser or device."),
    Cause.DISPLACED: lazy_gettext("You have logged in on another device since."),
    Cause.ALL_BLOCKED: lazy_gettext(
        "Somebody has logged in as you on one more device, which blocks them all."
    ),
    Cause.ANOTHER_VERIFIED: lazy_gettext("A supervisor has verified another session of yours."),
    Cause.INVALIDATED: lazy_gettext("A supervisor has stopped this session."),
    Cause.LOGGED_OUT: lazy_gettext("You have logged out."),
    Cause.CONTINUED: lazy_gettext("You have logged in again in the same browser."),
    Cause.ENDED: lazy_gettext("A supervisor has ended this session for good."),
    Cause.COPIED: lazy_gettext(
        "Your login was in use in two places at once: somebody has copied it, so both are blocked."
    ),
    Cause.EXAM_BEGAN: lazy_gettext("This session was ended as an exam began."),
    Cause.HANDED_IN: lazy_gettext("You have handed the exam in."),
    Cause.PAUSED: lazy_gettext("A supervisor has noted that, and your login waits for you."),
    Cause.NEW_CREDENTIALS: lazy_gettext("Your password was changed, so you have to log in again."),
    Cause.DISABLED: lazy_gettext("Your account is closed."),
    Cause.IDLE: lazy_gettext("You have not used this login for a long time, so it is over."),
    Cause.TOO_OLD: lazy_gettext("You logged in a long time ago, so this login is over."),
}
_BLOCKED_LOGIN = lazy_gettext("Your login is blocked")
_EXPIRED_SESSION = lazy_gettext("Your session is expired")
_BLOCKED = lazy_gettext("Blocked")
_ACTIVE_ELSEWHERE = lazy_gettext("You are also logged in on another device.")
#: The causes in a few words, beside a session or a change.
_SHORT_CAUSES = {
    Cause.OVER_LIMIT: lazy_gettext("over the limit"),
    Cause.HELD: lazy_gettext("not verified since an earlier block or end"),
    Cause.OTHER_DEVICE: lazy_gettext("another browser than the last"),
    Cause.DISPLACED: lazy_gettext("displaced by a newer login"),
    Cause.ALL_BLOCKED: lazy_gettext("blocked by a login over the limit"),
    Cause.ANOTHER_VERIFIED: lazy_gettext("another session was verified"),
    Cause.INVALIDATED: lazy_gettext("invalidated"),
    Cause.LOGGED_OUT: lazy_gettext("by the person"),
    Cause.CONTINUED: lazy_gettext("logged in again in the same browser"),
    Cause.ENDED: lazy_gettext("ended for good"),
    Cause.COPIED: lazy_gettext("copied, in use in two places"),
    Cause.EXAM_BEGAN: lazy_gettext("ended as the exam began"),
    Cause.HANDED_IN: lazy_gettext("handed in"),
    Cause.PAUSED: lazy_gettext("left the room"),
    Cause.NEW_CREDENTIALS: lazy_gettext("new password"),
    Cause.DISABLED: lazy_gettext("account closed"),
    Cause.IDLE: lazy_gettext("not seen for too long"),
    Cause.TOO_OLD: lazy_gettext("too old"),
}
_STATES = {
    State.ACTIVE: lazy_gettext("Active"),
    State.EXPIRED: lazy_gettext("Expired"),
    State.LOGGED_OUT: lazy_gettext("Logged out"),
}
_SERIES = {
    Series.LOGINS: lazy_gettext("Logins"),
    Series.BLOCKED_LOGINS: lazy_gettext("Blocked logins"),
    Series.VERIFICATIONS: lazy_gettext("Verifications"),
    Series.INVALIDATIONS: lazy_gettext("Invalidations"),
}
_ACTIONS = {
    Action.LOGIN: lazy_gettext("Logged in"),
    Action.BLOCKED_LOGIN: lazy_gettext("Logged in and was blocked"),
    Action.LOGOUT: lazy_gettext("Logged out"),
    Action.VERIFY: lazy_gettext("Verified"),
    Action.INVALIDATE: lazy_gettext("Invalidated"),
    Action.VERIFY_ALL: lazy_gettext("Verified everybody's latest session"),
    Action.INVALIDATE_ALL: lazy_gettext("Invalidated everybody's sessions"),
    Action.DISPLACE: lazy_gettext("Stopped by another login"),
    Action.END: lazy_gettext("Ended for good"),
    Action.PAUSE: lazy_gettext("Left the room"),
    Action.UNDO: lazy_gettext("Undid the last decision"),
    Action.HAND_IN: lazy_gettext("Handed in"),
    Action.NEW_CREDENTIALS: lazy_gettext("Changed the password"),
    Action.DISABLE: lazy_gettext("Closed the account"),
    Action.ENABLE: lazy_gettext("Opened the account again"),
    Action.ADD_PERSON: lazy_gettext("Made the account"),
    Action.CHANGE_PERSON: lazy_gettext("Changed the account"),
    Action.RENAME: lazy_gettext("Gave another user name"),
    Action.DELETE: lazy_gettext("Deleted the account"),
    Action.ERASE: lazy_gettext("Gave the record a pseudonym"),
    Action.ADD_PASSKEY: lazy_gettext("Added a passkey"),
    Action.REMOVE_PASSKEYS: lazy_gettext("Removed passkeys"),
    Action.ADD_TOKEN: lazy_gettext("Made a token"),
    Action.END_TOKEN: lazy_gettext("Ended a token"),
    Action.ADD_EXAM: lazy_gettext("Planned an exam"),
    Action.CHANGE_EXAM: lazy_gettext("Changed an exam"),
    Action.DELETE_EXAM: lazy_gettext("Deleted an exam"),
    Action.BEGIN_EXAM: lazy_gettext("Began an exam"),
    Action.END_EXAM: lazy_gettext("Ended an exam"),
    Action.SAVE_SEATS: lazy_gettext("Imported the list of seats"),
    Action.SAVE_DOCUMENT: lazy_gettext("Saved a document"),
    Action.DELETE_DOCUMENT: lazy_gettext("Deleted a document"),
    Action.GIVE_RIGHT: lazy_gettext("Gave a right"),
    Action.TAKE_RIGHTS: lazy_gettext("Took rights away"),
    Action.ADD_RECEIVER: lazy_gettext("Added a receiver"),
    Action.END_RECEIVER: lazy_gettext("Ended a receiver"),
    Action.NEW_SIGNING_KEY: lazy_gettext("Made a new signing key"),
    Action.ADD_GROUP: lazy_gettext("Made a group"),
    Action.REMOVE_GROUP: lazy_gettext("Removed a group"),
    Action.COPY: lazy_gettext("Found to be copied, and ended"),
}
_SCOPES = {
    TokenScope.READ: lazy_gettext("read the sessions and the record"),
    TokenScope.VERIFY: lazy_gettext(
        "read the sessions and the record, and verify and end the sessions of a person"
    ),
    TokenScope.ADMIN: lazy_gettext(
        "read the sessions and the record, and verify, end and change the sessions of everybody"
    ),
}
_PHASES = {
    Phase.TO_COME: lazy_gettext("to come"),
    Phase.RUNS: lazy_gettext("runs"),
    Phase.OVER: lazy_gettext("over"),
}
_POLICIES: Mapping[OverLimit | AfterEnd | DeviceRule, object] = {
    OverLimit.BLOCK_NEW: lazy_gettext("is blocked"),
    OverLimit.EXPIRE_OLDEST: lazy_gettext("is let in, and the oldest session expires"),
    OverLimit.BLOCK_ALL: lazy_gettext("is blocked, and so are all of that person"),
    OverLimit.OBSERVE: lazy_gettext("is let in, and recorded"),
    AfterEnd.FREE: lazy_gettext("is let in"),
    AfterEnd.HOLD: lazy_gettext("waits for a supervisor"),
    DeviceRule.ANY: lazy_gettext("any browser"),
    DeviceRule.SAME: lazy_gettext("the browser that had it"),
}
_BROWSER_RULES = {
    BrowserRule.NO: lazy_gettext("is not asked for"),
    BrowserRule.SHOWN: lazy_gettext("is asked for, and shown to supervisors"),
    BrowserRule.REQUIRED: lazy_gettext("is required"),
}
_KEY_STATES = {
    KeyState.NONE: lazy_gettext("No Safe Exam Browser"),
    KeyState.WRONG: lazy_gettext("Safe Exam Browser, wrong key"),
    KeyState.RIGHT: lazy_gettext("Safe Exam Browser, right key"),
    KeyState.TOLD: lazy_gettext("Safe Exam Browser, right key"),
}
_REPLAYED_KEY = lazy_gettext("Right key, but not Safe Exam Browser")
#: A logout that names no session.
_OTHERS_ENDED = lazy_gettext("Ended the other sessions")
_ACTORS = {
    ActorKind.USER: lazy_gettext("By"),
    ActorKind.PROGRAM: lazy_gettext("By a program of"),
    ActorKind.HOST: lazy_gettext("By the host"),
    ActorKind.COMMAND_LINE: lazy_gettext("At the command line, by"),
}


class HasStanding(Protocol):
    """A session of which is shown what it is."""

    @property
    def state(self) -> State:
        """What it is."""

    @property
    def cause(self) -> Cause | None:
        """Why it is not active; None if it is, or if that is not known."""


def add_words(app: Flask) -> None:
    """Let templates say what the guard knows, as filters of these names."""
    app.jinja_env.filters.update(
        actor_words=actor_words,
        browser_rule_words=browser_rule_words,
        cause_words=cause_words,
        change_words=change_words,
        device_words=device_words,
        ended_words=ended_words,
        error_words=error_words,
        key_words=key_words,
        phase_words=phase_words,
        policy_words=policy_words,
        scope_words=scope_words,
        series_words=series_words,
        standing_words=standing_words,
        state_words=state_words,
    )


def error_words(error: TimError) -> str:
    """Return an error's sentence."""
    words: str = gettext(error.text, **error.evidence)
    return words


def too_large_words(limit: int) -> str:
    """Return that a request has more bytes than are taken, and what to do."""
    words: str = gettext(
        "This is too large: at most %(limit)s are taken here at once. Send a smaller file, or fewer"
        " files at a time.",
        limit=bytes_text(limit),
    )
    return words


def headline_words(why: Explanation) -> str:
    """Return what has happened, to the person who has the session."""
    return str(_BLOCKED_LOGIN if why.is_blocked_login else _EXPIRED_SESSION)


def explanation_words(why: Explanation) -> str:
    """Return why a session is not active, as sentences to the person who has it."""
    if not why.another_is_active:
        return str(_CAUSES[why.cause])
    if why.cause is Cause.OVER_LIMIT:
        return str(_ACTIVE_ELSEWHERE)
    return f"{_CAUSES[why.cause]} {_ACTIVE_ELSEWHERE}"


def ended_words(cause: Cause) -> str:
    """Return why a session is over, as a sentence to the person who had it."""
    return str(_CAUSES[cause])


def cause_words(cause: Cause) -> str:
    """Return why a session is not active, in a few words."""
    return str(_SHORT_CAUSES[cause])


def device_words(device: Device) -> str:
    """Return browser and system."""
    if not device.system:
        return device.browser or str(gettext("Unknown browser"))
    return str(gettext("%(browser)s on %(system)s", browser=device.browser, system=device.system))


def state_words(state: State) -> str:
    """Return what a session is."""
    return str(_STATES[state])


def standing_words(session: HasStanding) -> str:
    """Return what a session is, and why if it is not active."""
    state, cause = session.state, session.cause
    is_blocked = state is State.EXPIRED and cause in OF_BLOCKED_LOGINS
    words = str(_BLOCKED) if is_blocked else state_words(state)
    if cause is None or state is State.ACTIVE or cause is Cause.LOGGED_OUT:
        return words
    return str(gettext("%(state)s: %(cause)s", state=words, cause=cause_words(cause)))


def series_words(series: Series) -> str:
    """Return what is counted."""
    return str(_SERIES[series])


def scope_words(scope: TokenScope | str) -> str:
    """Return what a program may do with a token of a scope; its value will do."""
    return str(_SCOPES[TokenScope(scope)])


def phase_words(phase: Phase) -> str:
    """Return what an exam is at the moment."""
    return str(_PHASES[phase])


def policy_words(choice: OverLimit | AfterEnd | DeviceRule) -> str:
    """Return what a policy says of a login, or of whom it lets take a free slot."""
    return str(_POLICIES[choice])


def browser_rule_words(rule: BrowserRule) -> str:
    """Return whether an exam asks for Safe Exam Browser."""
    return str(_BROWSER_RULES[rule])


def key_words(state: KeyState, claims_seb: bool) -> str:
    """Return what a session has shown of its exam browser, which it says that it is, or does not.

    A right key in another browser stands out: somebody has copied the settings of the exam.
    """
    return str(_REPLAYED_KEY if state.is_right and not claims_seb else _KEY_STATES[state])


def change_words(change: SessionChange) -> str:
    """Return what was done."""
    if change.action is Action.LOGOUT and change.session_id is None:
        return str(_OTHERS_ENDED)
    return action_words(change.action)


def action_words(action: Action) -> str:
    """Return what is done by an action."""
    return str(_ACTIONS[action])


def actor_words(kind: ActorKind) -> str:
    """Return what stands before the name of the one who did it."""
    return str(_ACTORS[kind])
