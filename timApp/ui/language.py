"""The reader's language and time zone."""

from datetime import datetime

import pytz
from flask import Flask, has_request_context, request
from flask_babel import Babel, format_datetime, format_time, get_locale
from markupsafe import Markup

from timApp.request.negotiation import wants_json

#: The languages there are texts in; English dates are written day first, as elsewhere in Europe.
LANGUAGES = {"en": "en_GB", "fi": "fi", "sv": "sv"}
#: A cookie in which the browser (static/reader.js) says which time zone it is in.
TIME_ZONE_COOKIE = "timezone"

_babel = Babel()


def add_languages(app: Flask) -> None:
    """Let texts be shown in the reader's language, and give templates what shows times."""
    _babel.init_app(
        app,
        default_locale=LANGUAGES["en"],
        locale_selector=_choose_locale,
        timezone_selector=_choose_time_zone,
    )
    app.jinja_env.globals.update(
        moment=moment, time_of_day=time_of_day, page_language=page_language
    )


def moment(value: datetime) -> Markup:
    """Return date and time, to the second, as HTML in the reader's language and time zone."""
    return _time_element(value, format_datetime(value))


def time_of_day(value: datetime) -> Markup:
    """Return the time, to the second, of something that is not long ago; see `moment`."""
    return _time_element(value, format_time(value))


def page_language() -> str:
    """Return the code of the language in which the page is written, such as ``fi``."""
    locale = get_locale()
    return locale.language if locale else "en"


def _time_element(value: datetime, text: str) -> Markup:
    # Who has not told a time zone reads times that say which one they are in.
    zone = "" if _choose_time_zone() else " UTC"
    return Markup('<time datetime="{}">{}{}</time>').format(value.isoformat(), text, zone)


def _choose_locale() -> str | None:
    """Return the language of the browser that fits best; programs are answered in English."""
    if not has_request_context() or wants_json():
        return None
    return LANGUAGES.get(request.accept_languages.best_match(LANGUAGES) or "en")


def _choose_time_zone() -> pytz.BaseTzInfo | None:
    """Return the time zone that the browser has told, or None."""
    name = request.cookies.get(TIME_ZONE_COOKIE) if has_request_context() else None
    try:
        return pytz.timezone(name) if name else None
    except pytz.UnknownTimeZoneError:
        return None
