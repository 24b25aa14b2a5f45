"""Proving again who one is, where it is not asked at a form."""

from flask import jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_logged_in
from timApp.auth.authenticate import WrongCredentials
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.factor.proof import prove
from timApp.auth.schemas import StatusAnswer
from timApp.request.inputs import read_body, takes
from timApp.request.local import local_address
from timApp.request.negotiation import wants_json
from timApp.ui.confirm import confirm_page
from timApp.util.errors import AskAgain, BadInput

confirm = ApiBlueprint(
    "confirm", __name__, url_prefix="/confirm", description="Proving again who one is."
)


@confirm.get("")
@takes(query=("next",))
def show() -> ResponseReturnValue:
    """Ask for the password, and lead on to ``next`` then, an address of this site."""
    verify_logged_in()
    return confirm_page(url_for("confirm.do"), _kept(request.args.get("next")))


@confirm.post("")
@confirm.tells(200, StatusAnswer)
@confirm.tells(303, description="Proved with the form; where to go on.")
@confirm.tells(403)
@confirm.tells(429)
@takes(form=("password", "next"), json=True)
def do() -> ResponseReturnValue:
    """Note that the visitor has proved who they are, if it is their password."""
    visitor = verify_logged_in()
    said = read_body()
    password, next_address = said.get("password"), said.get("next")
    try:
        if not isinstance(password, str) or not password:
            raise BadInput("This field is required.", field="password")
        prove(visitor, password)
    except (BadInput, WrongCredentials, AskAgain) as error:
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
