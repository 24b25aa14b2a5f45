"""Flask-Session on Redis."""

from bench.apps import print_cookies
from bench.apps.flask_session import cookies_of
from bench.apps.flask_session import create_on_redis as create_app

__all__ = ["create_app"]

if __name__ == "__main__":
    print_cookies(lambda: cookies_of(create_app()))
