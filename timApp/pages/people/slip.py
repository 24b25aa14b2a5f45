"""The page with one slip, on which a password stands that is shown this once."""

from flask import current_app, render_template, request

from timApp.accounts.account import Account
from timApp.ui.slips import login_address
from timApp.user.roster.slip import Slip


def slip_page(account: Account, password: str, done: str) -> str:
    """Return the page to print; `done` says what has been done."""
    site = current_app.config["SITE_URL"] or request.url_root
    slip = Slip(account.id, account.name, account.real_name, "", password, "")
    return render_template(
        "person_slip.html",
        done=done,
        slips=[slip],
        addresses={slip.name: login_address(site, slip.name)},
        site=site,
    )
