"""The ways to log in that the login page offers beside the password."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app, url_for
from flask_babel import lazy_gettext

from timApp.auth.vouched import Way

#: The option without which there is no such way, and where that begins. Whoever comes from a course
#: (LTI) begins there.
_WAYS = {
    Way.OIDC: ("OIDC_ISSUER", "oidc.log_in"),
    Way.SAML: ("SAML_IDP_METADATA", "saml.log_in"),
    Way.HEADER: ("TRUSTED_HEADER", "header_login.show"),
}
_LABELS = {
    Way.OIDC: lazy_gettext("Log in with your organisation"),
    Way.SAML: lazy_gettext("Log in with your federation"),
    Way.HEADER: lazy_gettext("Log in as your network knows you"),
}


@dataclass(frozen=True)
class OfferedWay:
    """A button."""

    label: object
    address: str


def offered_ways(next_page: str | None) -> Sequence[OfferedWay]:
    """Return those of the current site, which lead on to a page."""
    labels = current_app.config["LOGIN_LABELS"]
    return [
        OfferedWay(labels.get(way.value) or _LABELS[way], url_for(endpoint, next=next_page))
        for way, (option, endpoint) in _WAYS.items()
        if current_app.config[option] is not None
    ]
