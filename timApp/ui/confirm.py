"""What asks somebody to prove again who they are."""

from collections.abc import Iterable

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_logged_in
from timApp.auth.factor.proof import (
    CREDENTIAL_FIELD,
    PASSWORD_FIELD,
    PROOF_FIELDS,
    ProofRequired,
    ways_to_prove,
)
from timApp.request.inputs import CSRF_FIELD
from timApp.request.negotiation import wants_json
from timApp.ui.address import address_before, address_of_request
from timApp.ui.words import error_words
from timApp.user.password import PASSWORD_MAX_LENGTH
from timApp.util.errors import AskAgain, TimError


def answer_proof_required(error: ProofRequired) -> ResponseReturnValue:
    """Ask for the proof: programs by status 403, people on a page.

    The page of an address that is only read leads back there. That of a form has in it what was
    sent, and sends it once more to the same address with the password: it is what the same browser
    has sent a moment ago, so nothing in it need be signed, and the token of the form is checked
    again.
    """
    if wants_json():
        return jsonify(error=error_words(error), confirm=url_for("confirm.show")), error.status
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("confirm.show", next=address_of_request()))
    if not error.keeps_form:
        before = address_before()
        kept = [] if before is None else [("next", before)]
        return confirm_page(url_for("confirm.do"), kept, is_lost=True, status=error.status)
    kept = [
        (name, value)
        for name, values in request.form.lists()
        for value in values
        if name not in PROOF_FIELDS | {CSRF_FIELD}
    ]
    return confirm_page(
        address_of_request(),
        kept,
        fields=(PASSWORD_FIELD, CREDENTIAL_FIELD),
        refused=error.refused,
        status=error.status,
    )


def confirm_page(
    action: str,
    kept: Iterable[tuple[str, str]] = (),
    *,
    fields: tuple[str, str] = ("password", "credential"),
    refused: TimError | None = None,
    status: int = 200,
    is_lost: bool = False,
) -> ResponseReturnValue:
    """Return the page whose form goes to `action`, with what is kept in it and the proof.

    That is in one of the `fields`. `refused` is what is wrong with the proof that was given;
    `is_lost` says that what was sent is not in the form, as it is too much.
    """
    visitor = verify_logged_in()
    ways = ways_to_prove(visitor)
    kept = list(kept)
    # A form does not come back from the provider; where it leads on does.
    is_lost = is_lost or not (ways.password or ways.passkey or action == url_for("confirm.do"))
    next_page = address_before() if is_lost else dict(kept).get("next")
    page = render_template(
        "confirm.html",
        action=action,
        kept=kept,
        password_field=fields[0],
        credential_field=fields[1],
        ways=ways,
        next_page=next_page,
        is_lost=is_lost,
        problem=refused and error_words(refused),
        user_name=visitor.name,
        max_length=PASSWORD_MAX_LENGTH,
    )
    headers = {"Retry-After": str(refused.retry_after)} if isinstance(refused, AskAgain) else {}
    return page, status if refused is None else refused.status, headers
