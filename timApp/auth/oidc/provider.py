"""The OpenID provider of the site, by Authlib."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app, session, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.vouched import Vouched, Way
from timApp.user.federated import Word
from timApp.user.people import Identity
from timApp.util.deferred import DeferredModule
from timApp.util.errors import AccessDenied, Busy, NotFound
from timApp.util.text import NAME_MAX_LENGTH, fits, is_storable

if TYPE_CHECKING:
    import requests
    from authlib.integrations import base_client, flask_client
    from joserfc import errors as jose_errors
else:
    base_client = DeferredModule("authlib.integrations.base_client")
    flask_client = DeferredModule("authlib.integrations.flask_client")
    jose_errors = DeferredModule("joserfc.errors")
    requests = DeferredModule("requests")

_EXTENSION = "timapp.oidc"
_DISCOVERY = ".well-known/openid-configuration"
#: Seconds that the provider has for an answer.
_TIMEOUT = 10
_RETRY_AFTER = 5
#: With this Authlib calls what it keeps of a login in the session; so many are kept.
_UNFINISHED, _UNFINISHED_MAX = "_state_oidc_", 3
#: Longest subject, in characters. Source: OpenID Connect Core 1.0, 2.
_SUBJECT_MAX = 255


class ProviderRefused(AccessDenied):
    """The provider lets nobody in, or what came from it does not fit this browser's login."""


class Provider:
    """Asks the provider, and reads what it says."""

    def __init__(self, app: Flask) -> None:
        """Nothing is asked of it yet: it may be away when the site starts."""
        config = app.config
        self.issuer: str = config["OIDC_ISSUER"]
        self.client_id: str = config["OIDC_CLIENT_ID"]
        self._name_claim: str = config["OIDC_NAME_CLAIM"]
        self._groups_claim: str | None = config["OIDC_GROUPS_CLAIM"]
        self._client = flask_client.OAuth(app).register(
            "oidc",
            client_id=self.client_id,
            client_secret=config["OIDC_CLIENT_SECRET"],
            server_metadata_url=f"{self.issuer.rstrip('/')}/{_DISCOVERY}",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "default_timeout": _TIMEOUT,
            },
        )

    def begin(self, *, asks_again: bool = False) -> ResponseReturnValue:
        """Lead the browser to the provider. `Busy` if that does not answer.

        If it `asks_again`, the provider asks whoever is logged in there, too.
        """
        more = {"prompt": "login", "max_age": 0} if asks_again else {}
        _forget_unfinished()
        with _asking():
            self._require_issuer()
            answer: ResponseReturnValue = self._client.authorize_redirect(
                url_for("oidc.callback", _external=True), **more
            )
        return answer

    def finish(self) -> tuple[Vouched, float]:
        """Return whom the provider vouches for, who has just come back from there.

        And when they have proved to it who they are, in seconds since 1970; 0 if it does not say.
        `ProviderRefused` for whatever is not its answer to what this browser has asked, and for
        somebody without a name; `Busy` if it does not answer.
        """
        with _asking():
            token = self._client.authorize_access_token()
        claims = token.get("userinfo")
        if not claims:
            raise ProviderRefused("The identity provider does not say who you are.")
        name = claims.get(self._name_claim)
        if not isinstance(name, str) or not name:
            raise ProviderRefused(
                "The identity provider does not say your user name (%(claim)s). Tell those who run"
                " the site.",
                claim=self._name_claim,
            )
        subject = claims["sub"]
        if not isinstance(subject, str) or not fits(subject, _SUBJECT_MAX):
            raise ProviderRefused("The identity provider does not say who you are.")
        identity = Identity(
            name, _text(claims, "name"), _text(claims, "email"), self._groups(claims)
        )
        word = Word(self.issuer, subject, _text(claims, "sid"))
        asked_at = claims.get("auth_time")
        return Vouched(Way.OIDC, word, identity), asked_at if isinstance(asked_at, int) else 0

    def keys(self, *, afresh: bool = False) -> Sequence[Mapping[str, Any]]:
        """Return the keys with which it signs, as JWKs. `Busy` if it does not answer."""
        with _asking():
            self._require_issuer()
            found: Sequence[Mapping[str, Any]] = self._client.fetch_jwk_set(force=afresh)["keys"]
        return found

    def logout_address(self, back: str) -> str | None:
        """Return where the person logs out at the provider, too; None if it has no such page.

        Also if it does not answer: the login here is over all the same.
        """
        try:
            with _asking():
                has_page = "end_session_endpoint" in self._client.load_server_metadata()
                if not has_page:
                    return None
                url: str = self._client.create_logout_url(
                    post_logout_redirect_uri=back, client_id=self.client_id
                )["url"]
        except (Busy, ProviderRefused):
            return None
        return url

    def _require_issuer(self) -> None:
        """Check that whoever answers at the address is the provider that was configured."""
        if self._client.load_server_metadata().get("issuer") != self.issuer:
            raise ProviderRefused("The identity provider calls itself otherwise than OIDC_ISSUER.")

    def _groups(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        if self._groups_claim is None:
            return None
        said = claims.get(self._groups_claim) or []
        groups = [said] if isinstance(said, str) else said
        if not isinstance(groups, list) or not all(
            isinstance(one, str) and fits(one, NAME_MAX_LENGTH) for one in groups
        ):
            raise ProviderRefused(
                "The identity provider says of your groups (%(claim)s) what is no list of names."
                " Tell those who run the site.",
                claim=self._groups_claim,
            )
        return frozenset(groups)


def _forget_unfinished() -> None:
    """Forget all but the last of the logins that this browser has begun there, and not finished.

    Each is kept in its cookie, which browsers drop when it is too large.
    """
    unfinished = [key for key in session if key.startswith(_UNFINISHED)]
    unfinished.sort(key=lambda key: session[key].get("exp", 0))
    for key in unfinished[: -(_UNFINISHED_MAX - 1)]:
        del session[key]


def add_provider(app: Flask) -> None:
    """Let the site have a provider, if one is configured."""
    app.extensions[_EXTENSION] = Provider(app) if app.config["OIDC_ISSUER"] else None


def has_provider() -> bool:
    """Tell whether the current site has one."""
    return current_app.extensions[_EXTENSION] is not None


def current_provider() -> Provider:
    """Return that of the current site; `NotFound` if it has none."""
    provider: Provider | None = current_app.extensions[_EXTENSION]
    if provider is None:
        raise NotFound("This site has no identity provider.")
    return provider


class _asking:  # noqa: N801 - a context, as a function would be
    """Turns what comes of asking the provider into errors for people."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, requests.RequestException):
            raise Busy(
                "The identity provider does not answer. Try again in a moment.", _RETRY_AFTER
            ) from error
        if isinstance(
            error, base_client.OAuthError | jose_errors.JoseError | ValueError | KeyError
        ):
            raise ProviderRefused(
                "The identity provider did not let you in, or that took too long. Try again."
            ) from error


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value and is_storable(value) else None
