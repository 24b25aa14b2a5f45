"""Proving again who one is, where it is not asked at a form."""

from flask import jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import open_without_passkey, verify_logged_in
from timApp.auth.authenticate import WrongCredentials
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.factor.ceremony import PasskeyRefused, request_options
from timApp.auth.factor.proof import prove
from timApp.auth.schemas import StatusAnswer
from timApp.auth.site import db
from timApp.auth.visitor import cookie_session_id
from timApp.request.inputs import read_body, takes
from timApp.request.local import local_address
from timApp.request.negotiation import wants_json
from timApp.ui.confirm import confirm_page
from timApp.user.factor.challenge import Purpose
from timApp.util.errors import AskAgain, BadInput

confirm = ApiBlueprint(
    "confirm", __name__, url_prefix="/confirm", description="Proving again who one is."
)


@confirm.get("")
@takes(query=("next",))
@open_without_passkey
def show() -> ResponseReturnValue:
    """Ask for password or passkey, and lead on to ``next`` then, an address of this site."""
    verify_logged_in()
    return confirm_page(url_for("confirm.do"), _kept(request.args.get("next")))


@confirm.post("/options")
def options() -> ResponseReturnValue:
    """Return what the browser needs to ask for a passkey of the visitor's, with a challenge."""
    asked = request_options(verify_logged_in().id, Purpose.CONFIRM, cookie_session_id() or "")
    db.session.commit()
    return jsonify(asked)


@confirm.post("")
@confirm.tells(200, StatusAnswer)
@confirm.tells(303, description="Proved with the form; where to go on.")
@confirm.tells(403)
@confirm.tells(429)
@takes(form=("password", "credential", "next"), json=True)
@open_without_passkey
def do() -> ResponseReturnValue:
    """Note that the visitor has proved who they are.

    By ``password``, or by ``credential``, which is what a passkey of theirs has signed.
    """
    visitor = verify_logged_in()
    said = read_body()
    password, credential, next_address = map(said.get, ("password", "credential", "next"))
    try:
        if not isinstance(password or "", str) or not isinstance(credential or "", str):
            raise BadInput("This has to be a text.", field="password")
        if not password and not credential:
            raise BadInput("This field is required.", field="password")
        prove(visitor, password, credential)
    except (BadInput, WrongCredentials, PasskeyRefused, AskAgain) as error:
        if wants_json():
            raise
        return confirm_page(url_for("confirm.do"), _kept(next_address), refused=error)
    if wants_json():
        return jsonify(status="ok")
    return redirect(_local(next_address) or url_for("documents.index"), 303)


def _kept(next_address: object) -> list[tuple[str, str]]:
    address = _local(next_address)
    return [] if address is None else [("next", address)]


def _local(address: object) -> str | None:
    return local_address(address) if isinstance(address, str) else None
