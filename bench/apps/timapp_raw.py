"""timApp with the driver's own look-up in the place of the one it has."""

from flask import Flask, session

from bench.apps import print_cookies
from bench.apps.raw import raw_look_up
from bench.apps.timapp import create_app as create_timapp
from bench.apps.timapp import prepare
from timApp.auth.visitor import Visitor
from timApp.guard.cookie import SESSION_ID_KEY, USER_ID_KEY


def create_app() -> Flask:
    """Return timApp with the page and the other look-up."""
    app = create_timapp()
    look_up = raw_look_up()

    def load() -> Visitor:
        key = int(session[USER_ID_KEY]), session[SESSION_ID_KEY]
        is_active = look_up(key) is not None
        return Visitor(key[0], "", "", "", frozenset(), key[1], is_active)

    app.login_manager.user_loader(load)  # type: ignore[attr-defined]
    return app


if __name__ == "__main__":
    print_cookies(prepare)
