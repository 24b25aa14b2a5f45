"""Flask-Session with its defaults: the session's content is kept on the server."""

import os

import redis
from flask import Flask, session
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy

from bench.apps import KEY, PATH, database_url, people


def create_on_redis() -> Flask:
    """Return an application whose sessions are kept in Redis."""
    return _create(
        SESSION_TYPE="redis",
        SESSION_REDIS=redis.Redis(host="127.0.0.1", port=int(os.environ["BENCH_REDIS_PORT"])),
    )


def create_on_sqlalchemy() -> Flask:
    """Return an application whose sessions are kept in the database."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url()
    return _add_page(app, SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=SQLAlchemy(app))


def _create(**options: object) -> Flask:
    return _add_page(Flask(__name__), **options)


def _add_page(app: Flask, **options: object) -> Flask:
    app.secret_key = KEY
    app.config.from_mapping(options)
    Session(app)

    @app.get(PATH)
    def guarded() -> str | tuple[str, int]:
        user_id = session.get("user_id")
        return ("nobody", 403) if user_id is None else f"{user_id}"

    @app.post("/log-in/<int:person>")
    def log_in(person: int) -> str:
        session["user_id"] = person
        return "ok"

    return app


def cookies_of(app: Flask) -> list[str]:
    """Log people in; return their cookies."""
    cookies = []
    for person in range(1, people() + 1):
        client = app.test_client()
        client.post(f"/log-in/{person}")
        cookie = client.get_cookie("session")
        assert cookie is not None
        cookies.append(f"{cookie.key}={cookie.value}")
    return cookies
