"""What the guard and its errors say, in the reader's language: its own words are data."""

from flask import Flask
from flask_babel import gettext, lazy_gettext

from timApp.guard.reading.activity import Series
from timApp.guard.reading.device import Device
from timApp.guard.rules.cause import Cause
from timApp.guard.tables.change import SessionChange
from timApp.guard.vocabulary import Action, ActorKind, State
from timApp.util.errors import TimError

_CAUSES = {
    Cause.ACTIVE_ELSEWHERE: lazy_gettext("You are also logged in on another device."),
    Cause.BEGAN_EXPIRED: lazy_gettext(
        "You were logged in on another device when you logged in on this one."
    ),
    Cause.ENDED: lazy_gettext("A supervisor has ended this session."),
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
}
#: A logout that names no session.
_OTHERS_ENDED = lazy_gettext("Ended the other sessions")
_ACTORS = {
    ActorKind.USER: lazy_gettext("By"),
    ActorKind.HOST: lazy_gettext("By the host"),
    ActorKind.COMMAND_LINE: lazy_gettext("At the command line, by"),
}


def add_words(app: Flask) -> None:
    """Let templates say what the guard knows, as filters of these names."""
    app.jinja_env.filters.update(
        actor_words=actor_words,
        change_words=change_words,
        device_words=device_words,
        error_words=error_words,
        series_words=series_words,
        state_words=state_words,
    )


def error_words(error: TimError) -> str:
    """Return an error's sentence."""
    words: str = gettext(error.text, **error.evidence)
    return words


def cause_words(cause: Cause) -> str:
    """Return why a session is expired, as a sentence to the person who has it."""
    return str(_CAUSES[cause])


def device_words(device: Device) -> str:
    """Return browser and system."""
    if not device.system:
        return device.browser or str(gettext("Unknown browser"))
    return str(gettext("%(browser)s on %(system)s", browser=device.browser, system=device.system))


def state_words(state: State) -> str:
    """Return what a session is."""
    return str(_STATES[state])


def series_words(series: Series) -> str:
    """Return what is counted."""
    return str(_SERIES[series])


def change_words(change: SessionChange) -> str:
    """Return what was done."""
    if change.action is Action.LOGOUT and change.session_id is None:
        return str(_OTHERS_ENDED)
    return str(_ACTIONS[change.action])


def actor_words(kind: ActorKind) -> str:
    """Return what stands before the name of the one who did it."""
    return str(_ACTORS[kind])
