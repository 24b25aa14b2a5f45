"""What is asked of an authenticator, and what is made of its answer (W3C, Web Authentication)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from flask import current_app, request
from yarl import URL

from timApp.auth.site import db
from timApp.auth.visitor import Visitor
from timApp.user.factor.challenge import (
    CHALLENGE_LIFETIME,
    Purpose,
    make_challenge,
    spend_challenge,
)
from timApp.user.factor.passkey import NewPasskey, Passkey, find_passkey, note_use, passkeys_of
from timApp.util.deferred import DeferredModule
from timApp.util.errors import AccessDenied, Conflict
from timApp.util.text import quoted

if TYPE_CHECKING:
    import webauthn
    from webauthn import helpers
    from webauthn.helpers import structs
else:
    webauthn = DeferredModule("webauthn")
    helpers = DeferredModule("webauthn.helpers")
    structs = DeferredModule("webauthn.helpers.structs")

_Result = TypeVar("_Result")
_SITE_NAME = "timApp"
_MILLISECONDS = int(CHALLENGE_LIFETIME.total_seconds() * 1000)


class PasskeyRefused(AccessDenied):
    """What was given as the answer of an authenticator is not that of one of the person's."""


class PasskeyCopied(PasskeyRefused):
    """A passkey was used less often than it was used here: there are two of it."""


@dataclass(frozen=True)
class Party:
    """What browsers bind passkeys to."""

    #: The name of the host, of which a passkey is.
    name: str
    #: Where pages have to be from that ask for it.
    origin: str


def current_party() -> Party:
    """Return what passkeys of this site are bound to: `SITE_URL`, or else what the request says.

    Of the latter no name but a trusted one gets here (`timApp.request.precheck`).
    """
    address = URL(current_app.config["SITE_URL"] or request.host_url)
    return Party(address.raw_host or "", str(address.origin()))


def creation_options(visitor: Visitor, bound_to: str) -> dict[str, Any]:
    """Return what a browser needs to have a passkey made for the visitor, as JSON has it.

    `Conflict` at an address to which browsers bind no passkey. Nothing is committed.
    """
    party = _require_party()
    challenge = make_challenge(db, visitor.id, Purpose.ADD, bound_to)
    options = webauthn.generate_registration_options(
        rp_id=party.name,
        rp_name=_SITE_NAME,
        # The same for all of a person's here, so that an authenticator keeps one of them.
        user_id=hashlib.sha256(f"{party.name} {visitor.id}".encode()).digest(),
        user_name=visitor.name,
        user_display_name=visitor.real_name or visitor.name,
        challenge=helpers.base64url_to_bytes(challenge),
        timeout=_MILLISECONDS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[_descriptor(one) for one in passkeys_of(db, visitor.id)],
    )
    return helpers.options_to_json_dict(options)


def request_options(user_id: int, purpose: Purpose, bound_to: str) -> dict[str, Any]:
    """Return what a browser needs to ask for a passkey of the person's, as JSON has it.

    `Conflict` at an address to which browsers bind no passkey, and for somebody who has none.
    Nothing is committed.
    """
    party = _require_party()
    known = passkeys_of(db, user_id)
    if not known:
        raise Conflict("You have no passkey.")
    options = webauthn.generate_authentication_options(
        rp_id=party.name,
        challenge=helpers.base64url_to_bytes(make_challenge(db, user_id, purpose, bound_to)),
        timeout=_MILLISECONDS,
        allow_credentials=[_descriptor(one) for one in known],
        user_verification=structs.UserVerificationRequirement.PREFERRED,
    )
    return helpers.options_to_json_dict(options)


def verify_new(visitor: Visitor, bound_to: str, answer: str) -> NewPasskey:
    """Return the passkey that an authenticator says that it has made, in a browser's JSON.

    `PasskeyRefused` for whatever is not the answer to a challenge of `creation_options`. Commits
    that the challenge is spent.
    """
    credential = _tried(lambda: helpers.parse_registration_credential_json(answer))
    challenge = _spent_challenge(credential, visitor.id, Purpose.ADD, bound_to)
    party = current_party()
    made = _tried(
        lambda: webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.name,
            expected_origin=party.origin,
        )
    )
    transports = credential.response.transports or []
    return NewPasskey(
        helpers.bytes_to_base64url(made.credential_id),
        helpers.bytes_to_base64url(made.credential_public_key),
        made.sign_count,
        ",".join(one.value for one in transports),
    )


def verify_use(user_id: int, purpose: Purpose, bound_to: str, answer: str) -> None:
    """Note that a passkey of the person's was used, as an authenticator says in a browser's JSON.

    `PasskeyRefused` for whatever is not the answer of one of theirs to a challenge of
    `request_options`, and `PasskeyCopied` if its counter has not gone up: then somebody else has
    used it, or a copy of it. Commits that the challenge is spent; not the rest.
    """
    credential = _tried(lambda: helpers.parse_authentication_credential_json(answer))
    challenge = _spent_challenge(credential, user_id, purpose, bound_to)
    passkey = find_passkey(db, user_id, credential.id)
    if passkey is None:
        raise PasskeyRefused("This is no passkey of yours.")
    party, public_key = current_party(), helpers.base64url_to_bytes(passkey.public_key)
    used = _tried(
        lambda: webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.name,
            expected_origin=party.origin,
            credential_public_key=public_key,
            # The library looks at the counter before it looks at the signature: so nobody would
            # know whether it is the passkey that says so.
            credential_current_sign_count=0,
        )
    )
    counts = bool(used.new_sign_count or passkey.sign_count)
    if counts and used.new_sign_count <= passkey.sign_count:
        raise _copied(passkey)
    if not note_use(db, passkey, used.new_sign_count):
        raise _copied(passkey)


def _copied(passkey: Passkey) -> PasskeyCopied:
    return PasskeyCopied(
        "There seem to be two of the passkey %(name)s, as its counter has not gone up. It was not"
        " taken. Use another one, remove this one, and tell an administrator.",
        name=quoted(passkey.name),
    )


def _require_party() -> Party:
    party = current_party()
    if not party.name or ":" in party.name or party.name.replace(".", "").isdecimal():
        raise Conflict(
            "Passkeys belong to a name, and this site was opened by an address of numbers. Open it"
            " by its name."
        )
    return party


def _spent_challenge(
    credential: "structs.RegistrationCredential | structs.AuthenticationCredential",
    user_id: int,
    purpose: Purpose,
    bound_to: str,
) -> bytes:
    """Return the challenge that was signed, which is spent from now on."""
    said = _tried(lambda: helpers.parse_client_data_json(credential.response.client_data_json))
    challenge = _tried(lambda: helpers.bytes_to_base64url(said.challenge))
    is_good = spend_challenge(db, challenge, user_id, purpose, bound_to)
    db.session.commit()
    if not is_good or said.cross_origin:
        raise PasskeyRefused("This came too late, or for the second time. Try again.")
    return said.challenge


def _tried(work: Callable[[], _Result]) -> _Result:
    """Return what comes of work on what an authenticator has sent, or anybody else."""
    try:
        return work()
    except Exception as error:  # of the library, or of what it parses CBOR and keys with
        raise PasskeyRefused("This is not the answer of a passkey to this site.") from error


def _descriptor(passkey: Passkey) -> "structs.PublicKeyCredentialDescriptor":
    transports = [
        structs.AuthenticatorTransport(one) for one in passkey.transports.split(",") if one
    ]
    return structs.PublicKeyCredentialDescriptor(
        id=helpers.base64url_to_bytes(passkey.credential_id), transports=transports or None
    )
