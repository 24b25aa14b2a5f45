"""Answers to requests that fail: JSON for programs, pages for people."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from flask import (
    Flask,
    Response,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    InternalServerError,
    RequestEntityTooLarge,
    ServiceUnavailable,
)

from timApp.auth.access import LoginRequired, PasskeyOwed, SessionExpired
from timApp.auth.bearer import InvalidToken
from timApp.auth.exambrowser import ExamBrowserRequired
from timApp.auth.factor.proof import ProofRequired
from timApp.auth.site import current_site
from timApp.auth.visitor import current_visitor
from timApp.database.failure import ERRORS, is_unavailable, log_failure
from timApp.request.application import browsers_method
from timApp.request.inputs import current_request
from timApp.request.masked import masked_path_of
from timApp.request.negotiation import wants_json
from timApp.request.plain import refresh_after
from timApp.ui.address import address_of_request
from timApp.ui.blocked import answer_session_expired
from timApp.ui.confirm import answer_proof_required
from timApp.ui.language import in_language
from timApp.ui.statuses import status_of
from timApp.ui.words import error_words, too_large_words
from timApp.util.errors import AskAgain, TimError
from timApp.util.measures import DATABASE_ERRORS, PAGE
from timApp.util.repeats import Repeats
from timApp.util.text import storable

_MAX_FIELDS_IN_SENTENCE = 10
_MAX_FIELD_NAME_LENGTH = 60
#: Seconds after which whoever met a database that does not answer may ask again.
_RETRY_AFTER = 2


def register_error_handlers(app: Flask) -> None:
    """Let the application answer every error in the form that the caller can read."""
    app.register_error_handler(TimError, _answer_tim_error)
    app.register_error_handler(AskAgain, _answer_ask_again)
    app.register_error_handler(LoginRequired, _answer_login_required)
    app.register_error_handler(InvalidToken, _answer_invalid_token)
    app.register_error_handler(SessionExpired, answer_session_expired)
    app.register_error_handler(ProofRequired, answer_proof_required)
    app.register_error_handler(PasskeyOwed, _answer_passkey_owed)
    app.register_error_handler(ExamBrowserRequired, _answer_exam_browser_required)
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(CSRFError, _answer_csrf_error)
    failures = Repeats()
    app.register_error_handler(InternalServerError, partial(_answer_internal_error, failures))
    for error in ERRORS:
        app.register_error_handler(error, partial(_answer_database_error, failures))


def plain_page(app: Flask, code: int, message: str, language: str) -> str:
    """Return the page of an error that is met before there is a request to speak of."""
    with in_language(app, language):
        values = {"code": code, "name": str(status_of(code).name), "message": message}
        return app.jinja_env.get_template("error.html").render(**values)


def _answer_tim_error(error: TimError) -> Response:
    if error.status >= InternalServerError.code:
        current_app.logger.error("%s", error, exc_info=error)
    details = {} if error.field is None else {"field": error.field}
    # Whoever was refused and is nobody was on the way to log in, perhaps, and may do so otherwise.
    leads_to_login = error.status == Forbidden.code and current_visitor() is None
    log_in_url = url_for("login.login_page") if leads_to_login and not wants_json() else None
    return _answer(error.status, error_words(error), details, log_in_url)


def _answer_ask_again(error: AskAgain) -> Response:
    response = _answer(error.status, error_words(error))
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _answer_invalid_token(error: InvalidToken) -> Response:
    response = _answer_tim_error(error)
    response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return response


def _answer_login_required(error: LoginRequired) -> ResponseReturnValue:
    if wants_json():
        return _answer_tim_error(error)
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("login.login_page", next=address_of_request()))
    return _answer(error.status, error_words(error), log_in_url=url_for("login.login_page"))


def _answer_passkey_owed(error: PasskeyOwed) -> ResponseReturnValue:
    if wants_json() or request.method not in {"GET", "HEAD"}:
        return _answer_tim_error(error)
    return redirect(url_for("passkeys.show", next=address_of_request()))


def _answer_exam_browser_required(error: ExamBrowserRequired) -> Response:
    if wants_json():
        return _answer_tim_error(error)
    return _answer(
        error.status,
        error_words(error),
        seb_url=url_for("exam_browser.show", number=error.evidence["number"]),
    )


def _answer_http_exception(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:  # the view had an answer of its own
        return error.get_response()
    code = error.code or InternalServerError.code
    messages = (getattr(error, "data", None) or {}).get("messages")
    if isinstance(messages, Mapping):  # from webargs: what is wrong with which field
        fields = _messages_by_field(messages)
        response = _answer(code, _sentence(fields), {"fields": fields})
    else:
        response = _answer(code, _description(error, code))
    for name, value in error.get_headers(request.environ):
        if name.lower() != "content-type":
            response.headers.add(name, value)
    return response


def _description(error: HTTPException, code: int) -> str:
    if isinstance(error, RequestEntityTooLarge):
        return _too_large()
    if wants_json() or error.description != type(error).description:
        return error.description or error.name
    return str(status_of(code).sentence)


def _too_large() -> str:
    asked = current_request()
    limit = asked.max_content_length
    if limit is not None and (asked.content_length or 0) > limit:
        return too_large_words(limit)
    # So few bytes, or nobody has said how many: the form has too many parts, most likely.
    words: str = gettext("This form has too many files or too much text. Send fewer at a time.")
    return words


def _answer_csrf_error(error: CSRFError) -> Response:
    if wants_json():
        remedy = "Send the token that was given at login in the header X-CSRFToken."
        return _answer(error.code, f"{error.description} {remedy}")
    message = gettext(
        "This page was out of date, so nothing was changed. Go back, reload the page and try again."
    )
    return _answer(error.code, message)


def _answer_internal_error(failures: Repeats, error: InternalServerError) -> Response:
    """Answer an exception that nobody expected, or one that came while an error was answered.

    It is in the log, see `timApp.app`, but for one of the database.
    """
    original = error.original_exception
    if isinstance(original, ERRORS) and is_unavailable(original):
        return _answer_database_unavailable(failures, original)
    return _answer(error.code, str(status_of(error.code).sentence))


def _answer_database_error(failures: Repeats, error: Exception) -> Response:
    if not is_unavailable(error):
        raise error  # nobody expected it
    return _answer_database_unavailable(failures, error)


def _answer_database_unavailable(failures: Repeats, error: Exception) -> Response:
    current_site().tally.count(DATABASE_ERRORS.key(PAGE))
    # A thousand people may meet it at once.
    asked = f"{request.method} {masked_path_of(current_request())}"
    what = f"{asked}: the database does not answer"
    log_failure(current_app.logger, what, error, failures)
    unavailable = ServiceUnavailable.code
    sentence = str(status_of(unavailable).sentence)
    asks_again = browsers_method() == "GET" and not wants_json()
    if asks_again:
        what_it_does = gettext("This page asks again by itself in a few seconds.")
        sentence = f"{sentence} {what_it_does}"
    response = _answer(unavailable, sentence)
    response.headers["Retry-After"] = str(_RETRY_AFTER)
    if asks_again:
        response.headers["Refresh"] = refresh_after(_RETRY_AFTER)
    return response


def _answer(
    code: int,
    message: str,
    details: Mapping[str, object] | None = None,
    log_in_url: str | None = None,
    seb_url: str | None = None,
) -> Response:
    if wants_json():
        response = jsonify(error=message, **(details or {}))
    else:
        name = str(status_of(code).name)
        # JSON can smuggle in characters that no page can hold.
        shown = storable(message)
        links = {"log_in_url": log_in_url, "seb_url": seb_url}
        values = {"code": code, "name": name, "message": shown, **links}
        response = make_response(_error_page(code, values))
    response.status_code = code
    response.headers["Cache-Control"] = "no-store"
    return response


def _error_page(code: int, values: Mapping[str, Any]) -> str:
    if code < InternalServerError.code:
        return render_template("error.html", **values)
    # Without what Flask and its extensions add to each page: it includes the visitor, who comes
    # from the database, which may be just what has failed.
    return current_app.jinja_env.get_template("error.html").render(**values)


def _messages_by_field(messages: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return webargs' messages by field; those on the input as a whole, by where it comes from."""
    found: dict[str, list[str]] = {}
    for location, content in messages.items():
        for name, texts in _flattened(content):
            found.setdefault(name or location, []).extend(texts)
    return found


def _flattened(content: Any, name: str = "") -> Iterable[tuple[str, list[str]]]:
    if isinstance(content, Mapping):
        for key, inner in content.items():
            inner_name = name if key == "_schema" else f"{name}.{key}".removeprefix(".")
            yield from _flattened(inner, inner_name)
    else:
        yield name, [str(text) for text in (content if isinstance(content, list) else [content])]


def _sentence(fields: Mapping[str, list[str]]) -> str:
    parts = [
        f"{name[:_MAX_FIELD_NAME_LENGTH]}: {' '.join(texts)}" for name, texts in fields.items()
    ]
    omitted = len(parts) - _MAX_FIELDS_IN_SENTENCE
    if omitted > 0:
        parts[_MAX_FIELDS_IN_SENTENCE:] = [f"And {omitted} more."]
    return " ".join(parts)
