"""The application factory: the one place where the parts meet."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, Request
from flask_bootstrap import Bootstrap5

from timApp import models
from timApp.auth.access import close_to_expired_sessions
from timApp.auth.bearer import take_token
from timApp.auth.browser import current_place
from timApp.auth.cookie import CookieInterface, is_bearer_known
from timApp.auth.csrf import csrf
from timApp.auth.factor.proof import require_proof
from timApp.auth.oidc.provider import add_provider
from timApp.auth.outcomes import count_change, count_logins
from timApp.auth.site import Site, add_site, db
from timApp.auth.visitor import add_logins
from timApp.auth.ways.platforms import add_platforms
from timApp.auth.ways.saml import add_service_provider
from timApp.blueprints import BLUEPRINTS
from timApp.config import database_url, instance_path, load_config
from timApp.database.engine import engine_options, prepare_engine
from timApp.database.failure import is_unavailable
from timApp.database.readiness import Readiness
from timApp.guard import Cookies, Guard, GuardOptions
from timApp.guard.exams.receipt import HandInReceipts
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.seats.link import SeatLinks
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.link import Links
from timApp.hosts.access import verify_host_or_admin
from timApp.hosts.distribution import distribute, note_debts
from timApp.net.network import read_network
from timApp.receivers.site import add_teller
from timApp.request.conditional import pack_static_file, take_whole_files
from timApp.request.converter import NameConverter, RestConverter
from timApp.request.guarded import add_guarded_hosts
from timApp.request.inputs import check_inputs, current_request, takes_files
from timApp.request.masked import masked_path_of
from timApp.request.patience import add_patience
from timApp.request.precheck import Precheck, TrustedHosts, check_body_of_request
from timApp.request.proxies import Proxies
from timApp.ui.errors import register_error_handlers
from timApp.ui.headers import SecurityHeaders, keep_out_of_caches
from timApp.ui.language import add_languages
from timApp.ui.slips import add_slips
from timApp.ui.watch import add_watch
from timApp.ui.words import add_words
from timApp.user.attempts.throttle import Throttle
from timApp.util.errors import ConfigError
from timApp.util.forwarded import ProxyHeaders
from timApp.util.limits import FORM_MAX, FORM_TYPE, PARTS_MAX, PARTS_TYPE
from timApp.util.measures import CHANGES, DATABASE_ERRORS, PLACES
from timApp.util.origin import origin_of
from timApp.util.secret import load_or_create_secret_key
from timApp.util.tally import Tally

__all__ = ["create_app", "models"]

#: Settings of Flask and its extensions that are not the site's to choose.
_FIXED_OPTIONS: dict[str, Any] = {
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    # A token lives as long as the cookie: an exam outlasts any shorter time.
    "WTF_CSRF_TIME_LIMIT": None,
    # The token and SameSite suffice; scripts that talk to the API send no referrer.
    "WTF_CSRF_SSL_STRICT": False,
    "BOOTSTRAP_SERVE_LOCAL": True,
    # As `timApp.util.limits` has it.
    "MAX_FORM_MEMORY_SIZE": FORM_MAX,
    "MAX_FORM_PARTS": PARTS_MAX,
}


class _Request(Request):
    """A request whose form is what the site's own pages send: one that is encoded in an address."""

    @property
    def want_form_data_parsed(self) -> bool:
        """Whether the body is such a form, or one in parts where the view takes files."""
        return self.mimetype == FORM_TYPE or (self.mimetype == PARTS_TYPE and takes_files())

    def _get_file_stream(self, *_: object, **_more: object) -> BytesIO:
        """Return where a file is kept that is sent: the body is in memory, and limited, anyhow.

        On the disk, it would leave passwords of class lists there.
        """
        return BytesIO()


class _App(Flask):
    """Flask without what it does for views that are coroutines, and for databases that fail."""

    request_class = _Request

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function; to look at each one that a request runs through takes long."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Write what nobody expected to the log; what answers says it of the database in a line."""
        if not is_unavailable(exc_info[1]):
            path = masked_path_of(current_request())
            self.logger.error("Exception on %s", path, exc_info=exc_info)


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
    # An address is what it says: /user/sessions//zoe/verify is not about zoe, and no redirect of
    # ours may lead there.
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.converters["name"] = NameConverter
    app.url_map.converters["rest"] = RestConverter
    app.config.from_mapping(_FIXED_OPTIONS)
    app.config.from_mapping(options)
    if app.config["SECRET_KEY"] is None:
        app.config["SECRET_KEY"] = load_or_create_secret_key(instance / "secret_key")
    app.config.setdefault("SQLALCHEMY_ENGINES", {"default": engine_options(database_url(options))})
    _add_precheck(app)
    _add_extensions(app)
    _add_pages(app)
    return app


def _make_folder(instance: Path) -> None:
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        msg = f"INSTANCE_PATH: the folder {instance} cannot be made: {error.strerror}."
        raise ConfigError(msg, field="INSTANCE_PATH") from error


def _add_precheck(app: Flask) -> None:
    """Refuse what is not to be parsed, before anything that is added later parses it."""
    config = app.config
    proxies = Proxies(config["TRUSTED_PROXIES"], ProxyHeaders(config["TRUSTED_PROXY_HEADERS"]))
    trusted = TrustedHosts.of(config["TRUSTED_HOSTS"], config["SITE_URL"], config["GUARDED_HOSTS"])
    # Flask's own check comes after the cookies are parsed, and leaves no address for a page.
    config["TRUSTED_HOSTS"] = None
    app.wsgi_app = Precheck(app.wsgi_app, proxies, trusted)  # type: ignore[method-assign]
    app.before_request(partial(check_body_of_request, is_bearer_known))


def _add_extensions(app: Flask) -> None:
    add_patience(app)
    db.init_app(app)
    with app.app_context():
        engine = db.engines["default"]
    prepare_engine(engine)
    _add_guard(app, engine)
    app.before_request(take_token)
    # Whoever is blocked is told so, whatever else is wrong with what they ask.
    app.before_request(close_to_expired_sessions)
    csrf.init_app(app)
    Bootstrap5(app)
    add_languages(app)
    add_words(app)
    add_slips(app)
    add_watch(app)


def _add_guard(app: Flask, engine: sa.Engine) -> None:
    """Read what the guard and its network have to know, once."""
    config = app.config
    network = read_network(config)
    days = config["SESSIONS_RETENTION"]
    options = GuardOptions(
        tracks_sessions=config["SESSIONS_ENABLE"],
        limit=config["SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER"],
        limits_of_groups=config["SESSIONS_MAX_CONCURRENT_SESSIONS_PER_GROUP"],
        retention=None if days is None else timedelta(days=days),
        policy=Policy(
            OverLimit(config["SESSIONS_OVER_LIMIT"]),
            AfterEnd(config["SESSIONS_AFTER_END"]),
            DeviceRule(config["SESSIONS_DEVICE"]),
        ),
        clocks=Clocks(_seconds(config["SESSIONS_IDLE_END"]), _seconds(config["SESSIONS_LIFETIME"])),
        token_renewal=_seconds(config["SESSIONS_TOKEN_RENEWAL"]),
        second_factor_groups=frozenset(config["SECOND_FACTOR_GROUPS"]),
    )
    keys = [*config["SECRET_KEY_FALLBACKS"], config["SECRET_KEY"]]
    config.setdefault("WTF_CSRF_SECRET_KEY", keys)
    cookies = Cookies(keys, app.permanent_session_lifetime, config["SESSION_COOKIE_NAME"])
    guard = Guard(engine, cookies, options)
    tally = Tally()
    guard.listeners += [partial(note_debts, network), partial(count_change, tally)]
    tally.declare(CHANGES.keys(action.value for action in Action))
    tally.declare(DATABASE_ERRORS.keys(PLACES))
    link_secret = config["SESSIONS_LINK_SECRET"]
    link_keys = keys if link_secret is None else [link_secret]
    site = Site(
        guard,
        Links(*link_keys),
        SeatLinks(*link_keys),
        HandInReceipts(*link_keys),
        Throttle(engine, config["SECRET_KEY"]),
        network,
        Readiness.of(engine, Path(app.instance_path)),
        tally,
        verify_host_or_admin,
        distribute,
    )
    add_site(app, site)
    app.session_interface = CookieInterface(
        cookies, lambda claims: guard.visitors.rewritten_token(claims, current_place)
    )
    add_logins(app, guard)
    add_provider(app)
    add_platforms(app)
    add_service_provider(app)
    add_teller(app)
    count_logins(app, tally)


def _seconds(number: float | None) -> timedelta | None:
    return None if number is None else timedelta(seconds=number)


def _add_pages(app: Flask) -> None:
    app.before_request(take_whole_files)
    app.before_request(check_inputs)
    app.before_request(require_proof)
    app.after_request(keep_out_of_caches)
    app.after_request(pack_static_file)
    guarded = add_guarded_hosts(app)
    app.wsgi_app = SecurityHeaders(  # type: ignore[method-assign]
        app.wsgi_app,
        app.config["HSTS_SECONDS"],
        # A form of a logout leads to the provider.
        [*guarded.hosts, *filter(None, [origin_of(app.config["OIDC_ISSUER"] or "")])],
    )
    register_error_handlers(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
