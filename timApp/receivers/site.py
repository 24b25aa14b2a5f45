"""Who tells the receivers of the current site."""

from flask import Flask, current_app

from timApp.auth.site import current_site
from timApp.net.outside import Outside
from timApp.receivers.teller import Teller

_EXTENSION = "timapp.receivers"


def add_teller(app: Flask) -> None:
    """Let the site tell receivers, as its options say."""
    config = app.config
    site_url = config["SITE_URL"]
    with app.app_context():
        engine = current_site().guard.engine
    issuer = None if site_url is None else site_url.rstrip("/")
    app.extensions[_EXTENSION] = Teller(engine, issuer, Outside(tuple(config["WEBHOOK_NETWORKS"])))


def current_teller() -> Teller:
    """Return that of the current site."""
    teller: Teller = current_app.extensions[_EXTENSION]
    return teller
