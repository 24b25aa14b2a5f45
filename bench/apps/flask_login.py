"""Flask-Login as its documentation shows it: the user is loaded with Flask-SQLAlchemy's ORM."""

from datetime import datetime
from typing import Any

from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, login_required
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import orm

from bench.apps import KEY, PATH, database_url, people, print_cookies, signed_cookies


class _Model(orm.DeclarativeBase):
    pass


class _User(UserMixin, _Model):
    __tablename__ = "useraccount"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    real_name: orm.Mapped[str]
    email: orm.Mapped[str]
    password_hash: orm.Mapped[str]
    created_at: orm.Mapped[datetime]


def create_app() -> Flask:
    """Return an application that knows who asks, and of no sessions that can end."""
    app = Flask(__name__)
    app.secret_key = KEY
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url()
    db = SQLAlchemy(app, model_class=_Model)
    manager = LoginManager(app)

    @manager.user_loader
    def load(user_id: str) -> Any:
        return db.session.get(_User, int(user_id))

    @app.get(PATH)
    @login_required
    def guarded() -> str:
        return f"{current_user.id}"

    return app


def prepare() -> list[str]:
    """Return the cookies of the first people."""
    return signed_cookies(
        create_app(),
        [{"_user_id": str(person), "_fresh": True} for person in range(1, people() + 1)],
    )


if __name__ == "__main__":
    print_cookies(prepare)
