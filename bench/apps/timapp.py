"""timApp itself, with one more page behind its gate."""

from flask import Flask

from bench.apps import PATH, people, print_cookies, signed_cookies
from bench.people import active_session_of
from timApp.app import create_app as create_timapp
from timApp.auth.access import verify_logged_in
from timApp.guard.cookie import SESSION_ID_KEY


def create_app() -> Flask:
    """Return timApp with the page."""
    app = create_timapp()
    # A page that is not marked as open is closed to expired sessions.
    app.add_url_rule(PATH, view_func=_guarded)
    return app


def _guarded() -> str:
    return f"{verify_logged_in().id}"


def prepare() -> list[str]:
    """Return the cookies of the first people."""
    return signed_cookies(
        create_app(),
        [
            {"_user_id": str(person), "_fresh": True, SESSION_ID_KEY: active_session_of(person)}
            for person in range(1, people() + 1)
        ],
    )


if __name__ == "__main__":
    print_cookies(prepare)
