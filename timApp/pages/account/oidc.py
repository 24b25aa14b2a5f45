"""Logging in by the site's identity provider, and being logged out by it."""

from flask import Blueprint, Response, jsonify, redirect, request, session
from flask.typing import ResponseReturnValue

from timApp.auth.access import (
    open_to_expired_sessions,
    open_without_passkey,
    verify_logged_in,
)
from timApp.auth.browser import name_browser
from timApp.auth.csrf import csrf
from timApp.auth.factor.proof import own_word, remember_proof
from timApp.auth.login import known_address, next_address
from timApp.auth.oidc.logouttoken import (
    LogoutToken,
    UnknownSigner,
    WrongLogoutToken,
    read_logout_token,
)
from timApp.auth.oidc.provider import Provider, ProviderRefused, current_provider
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import act_as, cookie_session_id, current_actor
from timApp.auth.ways.begin import begin_vouched
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.vocabulary import Action, ActorKind
from timApp.net.nonce import take_nonce
from timApp.request.inputs import takes
from timApp.user.federated import logins_of
from timApp.util.clock import CLOCK_LEEWAY, SECOND_MAX, at_second, current_second
from timApp.util.errors import NotFound

oidc = Blueprint("oidc", __name__, url_prefix="/oidc")

_NEXT = "oidc_next"
#: When the provider was to ask once more who the visitor is, in seconds since 1970.
_ASKED_AT = "oidc_asked_at"
#: What a provider sends along beside what is read here.
_CALLBACK = ("code", "state", "error", "error_description", "error_uri", "iss", "session_state")


@oidc.get("/login")
@takes(query=("next",))
@open_to_expired_sessions
def log_in() -> ResponseReturnValue:
    """Lead to the provider, and from there on to ``next``."""
    provider = current_provider()
    name_browser()
    answer = provider.begin()
    session[_NEXT] = known_address(request.args.get("next"))
    session.pop(_ASKED_AT, None)
    return answer


@oidc.get("/confirm")
@takes(query=("next",))
@open_without_passkey
def confirm() -> ResponseReturnValue:
    """Have the provider ask the visitor once more who they are, and lead on to ``next`` then."""
    if own_word(verify_logged_in()) is None:
        raise NotFound("This login is none of the identity provider's.")
    answer = current_provider().begin(asks_again=True)
    session[_NEXT] = known_address(request.args.get("next"))
    session[_ASKED_AT] = current_second()
    return answer


@oidc.get("/callback")
@takes(query=_CALLBACK)
@open_to_expired_sessions
def callback() -> ResponseReturnValue:
    """Let the session of whoever comes back from the provider begin.

    Or note that the visitor has proved there who they are, if that was asked.
    """
    vouched, proved_at = current_provider().finish()
    next_page, asked_at = session.pop(_NEXT, None), session.pop(_ASKED_AT, None)
    if asked_at is None:
        return begin_vouched(vouched, next_page)
    visitor = verify_logged_in()
    own = own_word(visitor)
    is_own = own is not None and own.subject == vouched.word.subject
    if not is_own or proved_at < asked_at - CLOCK_LEEWAY.total_seconds():
        raise ProviderRefused("The identity provider has not asked you again who you are.")
    remember_proof(visitor.id, cookie_session_id() or "")
    db.session.commit()
    return redirect(next_address(next_page), 303)


@oidc.post("/backchannel-logout")
@takes(form=("logout_token",))
@open_to_expired_sessions
def end() -> ResponseReturnValue:
    """End the logins that the provider says are over: of its session, or of all of a person."""
    token = _read(current_provider(), request.form.get("logout_token", ""))
    if not take_nonce(db, f"oidc {token.token_id}", at_second(min(token.expires_at, SECOND_MAX))):
        raise WrongLogoutToken("This logout token has come before; each one counts once.")
    provider = current_provider()
    act_as(ActorKind.HOST, provider.issuer)
    meant = logins_of(db, provider.issuer, token.subject, token.provider_session)
    for name, user_id, session_id in meant:
        scope = OnePerson(name, user_id, session_id)
        current_guard().apply(Change(Action.LOGOUT, scope, current_actor()), db)
    db.session.commit()
    answer: Response = jsonify(status="ok")
    answer.headers["Cache-Control"] = "no-store"
    return answer


# The provider asks, and not a browser.
csrf.exempt(end)


def _read(provider: Provider, text: str) -> LogoutToken:
    """Read the token; a provider that has changed its keys is asked for them, once."""
    try:
        return read_logout_token(text, provider.keys(), provider.issuer, provider.client_id)
    except UnknownSigner:
        keys = provider.keys(afresh=True)
        return read_logout_token(text, keys, provider.issuer, provider.client_id)
