"""The reader's language and time zone."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytz
from flask import Blueprint, Flask, current_app, has_request_context, redirect, request, url_for
from flask.ctx import RequestContext
from flask.typing import ResponseReturnValue
from flask_babel import (
    Babel,
    format_date,
    format_datetime,
    format_time,
    format_timedelta,
    get_locale,
)
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.csrf import csrf
from timApp.request.inputs import takes
from timApp.request.local import local_address
from timApp.request.negotiation import wants_json
from timApp.util.clock import now
from timApp.util.errors import BadInput

#: The languages there are texts in; English dates are written day first, as elsewhere in Europe.
LANGUAGES = {"en": "en_GB", "fi": "fi", "sv": "sv"}
#: What those who speak them call them.
LANGUAGE_NAMES = {"en": "English", "fi": "Suomi", "sv": "Svenska"}
#: A cookie with the language that somebody chose in this browser, and how long it is kept.
LANGUAGE_COOKIE = "language"
_LANGUAGE_KEPT = timedelta(days=365)
#: A cookie in which the browser (static/reader.js) says which time zone it is in.
TIME_ZONE_COOKIE = "timezone"

_babel = Babel()
language = Blueprint("language", __name__)


@language.post("/language")
@takes(form=("language", "next"))
@csrf.exempt  # another site could change the language, and nothing else
@open_to_expired_sessions
def choose() -> ResponseReturnValue:
    """Remember the language that somebody chose in this browser, and go on where they were."""
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        raise BadInput("There is no such language.", field="language")
    address = local_address(request.form.get("next")) or url_for("documents.index")
    response = redirect(address, 303)
    cookies = current_app.session_interface
    response.set_cookie(
        LANGUAGE_COOKIE,
        chosen,
        max_age=_LANGUAGE_KEPT,
        path=cookies.get_cookie_path(current_app),
        secure=cookies.get_cookie_secure(current_app),
        httponly=True,
        samesite="Lax",
    )
    return response


def add_languages(app: Flask) -> None:
    """Let texts be shown in the reader's language, and give templates what shows times."""
    _babel.init_app(
        app,
        default_locale=LANGUAGES["en"],
        default_timezone=app.config["SITE_TIME_ZONE"],
        locale_selector=_choose_locale,
        timezone_selector=_choose_time_zone,
    )
    app.jinja_env.globals.update(
        ago=ago,
        moment=moment,
        site_moment=site_moment,
        time_of_day=time_of_day,
        time_range=time_range,
        page_language=page_language,
        language_names=LANGUAGE_NAMES,
    )


def site_zone() -> pytz.BaseTzInfo:
    """Return the time zone of the site, in which times are meant that do not say theirs."""
    return pytz.timezone(current_app.config["SITE_TIME_ZONE"])


def moment(value: datetime) -> Markup:
    """Return date and time, to the second, as HTML in the reader's language and time zone."""
    return _time_element(value, format_datetime(value))


def site_moment(value: datetime) -> Markup:
    """Return date and time as HTML in the reader's language and the site's zone, which it names."""
    local = value.astimezone(site_zone())
    return Markup('<time datetime="{}">{} {}</time>').format(
        value.isoformat(), format_datetime(local, rebase=False), local.tzname()
    )


def time_of_day(value: datetime) -> Markup:
    """Return the time, to the second, of something that is not long ago; see `moment`."""
    return _time_element(value, format_time(value))


def time_range(start: datetime, end: datetime) -> Markup:
    """Return from when to when, to the minute, as HTML in the reader's language and time zone.

    A date is left out if it is today, and not repeated.
    """
    days = [format_date(start), format_date(end)]
    times = [format_time(start, "short"), format_time(end, "short")]
    is_one_day = days[0] == days[1]
    is_today = is_one_day and days[0] == format_date(now())
    first = times[0] if is_today else f"{days[0]}, {times[0]}"
    last = times[1] if is_one_day else f"{days[1]}, {times[1]}"
    return Markup('<time datetime="{}">{}</time>&ndash;<time datetime="{}">{}{}</time>').format(
        start.isoformat(), first, end.isoformat(), last, _zone_name(end)
    )


def moment_text(value: datetime) -> str:
    """Return what `moment` shows, as text that is part of a sentence."""
    return f"{format_datetime(value)}{_zone_name(value)}"


def hour_text(value: datetime) -> str:
    """Return hour and minute of something that is not long ago, as text; see `moment_text`."""
    return f"{format_time(value, 'short')}{_zone_name(value)}"


def page_language() -> str:
    """Return the code of the language in which the page is written, such as ``fi``."""
    locale = get_locale()
    return locale.language if locale else "en"


def reader_zone() -> str:
    """Return the name of the time zone in which the reader is shown times."""
    return str(_choose_time_zone() or site_zone())


def ago(value: datetime) -> Markup:
    """Return how long ago something was, such as "20 seconds ago", as HTML; see `moment`."""
    passed = min(value - now(), timedelta(0))
    text = format_timedelta(passed, add_direction=True, threshold=1.5)
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), text)


def language_of(cookies: Mapping[str, str], accepted: LanguageAccept) -> str:
    """Return the language that was chosen in a browser, or else that of it that fits best."""
    chosen = cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return accepted.best_match(LANGUAGES) or "en"


def in_language(app: Flask, language: str) -> RequestContext:
    """Return a context for texts in that language, where nobody is asking; empty for English."""
    headers = {"Accept": "text/html", "Accept-Language": language} if language else {}
    return app.test_request_context("/", headers=headers)


def _time_element(value: datetime, text: str) -> Markup:
    return Markup('<time datetime="{}">{}{}</time>').format(
        value.isoformat(), text, _zone_name(value)
    )


def _zone_name(value: datetime) -> str:
    """Return the name of the site's zone, after a blank; nothing for who has told their own."""
    return "" if _choose_time_zone() else f" {value.astimezone(site_zone()).tzname()}"


def _choose_locale() -> str | None:
    """Return the language that was chosen, or that of the browser that fits best.

    Programs are answered in English.
    """
    if not has_request_context() or wants_json():
        return None
    return LANGUAGES[language_of(request.cookies, request.accept_languages)]


def _choose_time_zone() -> pytz.BaseTzInfo | None:
    """Return the time zone that the browser has told, or None."""
    name = request.cookies.get(TIME_ZONE_COOKIE) if has_request_context() else None
    try:
        return pytz.timezone(name) if name else None
    except pytz.UnknownTimeZoneError:
        return None
