"""The application factory: the one place where the parts meet."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_bootstrap import Bootstrap5
from werkzeug.middleware.proxy_fix import ProxyFix

from timApp import models
from timApp.account.sessions import my_sessions
from timApp.api import API_OPTIONS, create_api
from timApp.auth.accesshelper import close_to_expired_sessions
from timApp.auth.cookie import CookieInterface
from timApp.auth.csrf import csrf
from timApp.auth.login import login
from timApp.auth.session.hostroutes import hosts
from timApp.auth.session.routes import sessions
from timApp.auth.sessioninfo import login_manager
from timApp.config import database_url, instance_path, load_config
from timApp.document.routes import documents
from timApp.supervise.console import supervise
from timApp.supervise.overview import overview
from timApp.supervise.person import person
from timApp.supervise.servers import servers
from timApp.supervise.session_list import session_list
from timApp.timdb.migrate import ALEMBIC_OPTIONS, alembic
from timApp.timdb.sqa import db, prepare_engine
from timApp.ui.errors import register_error_handlers
from timApp.ui.headers import add_security_headers
from timApp.ui.language import add_languages
from timApp.ui.pages import ui
from timApp.util.errors import ConfigError
from timApp.util.secret import load_or_create_secret_key

__all__ = ["create_app", "models"]

#: Settings of Flask and its extensions that are not the site's to choose.
_FIXED_OPTIONS: dict[str, Any] = {
    "SESSION_COOKIE_NAME": "timapp",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    # A token lives as long as the cookie: an exam outlasts any shorter time.
    "WTF_CSRF_TIME_LIMIT": None,
    # The token and SameSite suffice; scripts that talk to the API send no referrer.
    "WTF_CSRF_SSL_STRICT": False,
    "BOOTSTRAP_SERVE_LOCAL": True,
    **API_OPTIONS,
    **ALEMBIC_OPTIONS,
}


class _App(Flask):
    """Flask without what it does for views that are coroutines: there are none."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function; to look at each one that a request runs through takes long."""
        return func


def create_app(config: Mapping[str, object] | None = None) -> Flask:
    """Return the application, configured by `timApp.config.load_config`.

    Asks neither network nor database. Makes the instance folder and the secret key in it if there
    are none. `timApp.util.errors.ConfigError` for a wrong option.
    """
    options = load_config(config)
    instance = instance_path(options)
    _make_folder(instance)
    # Static files are those of the packages; extensions put theirs below the same address.
    app = _App(__name__, instance_path=str(instance), static_folder=None, static_url_path="/static")
    app.config.from_mapping(_FIXED_OPTIONS)
    app.config.from_mapping(options)
    if app.config["SECRET_KEY"] is None:
        app.config["SECRET_KEY"] = load_or_create_secret_key(instance / "secret_key")
    app.config.setdefault("SQLALCHEMY_ENGINES", {"default": database_url(options)})
    app.session_interface = CookieInterface()
    proxies = app.config["TRUSTED_PROXIES"]
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies
        )
    _add_extensions(app)
    _add_pages(app)
    return app


def _make_folder(instance: Path) -> None:
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = f"INSTANCE_PATH: the folder {instance} cannot be made: {error.strerror}."
        raise ConfigError(msg, field="INSTANCE_PATH") from error


def _add_extensions(app: Flask) -> None:
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            prepare_engine(engine)
    alembic.init_app(app)
    login_manager.init_app(app)
    csrf.init_app(app)
    Bootstrap5(app)
    add_languages(app)


def _add_pages(app: Flask) -> None:
    app.before_request(close_to_expired_sessions)
    app.after_request(add_security_headers)
    register_error_handlers(app)
    api = create_api(app)
    api.register_blueprint(sessions)
    for blueprint in (
        login,
        hosts,
        documents,
        my_sessions,
        servers,
        supervise,
        overview,
        person,
        session_list,
        ui,
    ):
        app.register_blueprint(blueprint)
