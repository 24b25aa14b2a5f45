"""The SAML 2 identity provider of the site, by pysaml2 and xmlsec1."""

import base64
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from traceback import clear_frames
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app

from timApp.auth.vouched import Vouched, Way
from timApp.auth.ways.samlform import SamlRefused, read_form
from timApp.user.federated import Word
from timApp.user.people import Identity
from timApp.util.clock import CLOCK_LEEWAY
from timApp.util.deferred import DeferredModule
from timApp.util.errors import ConfigError, NotFound
from timApp.util.text import one_line
from timApp.util.turns import turn_given

if TYPE_CHECKING:
    import saml2
    from defusedxml import ElementTree
    from saml2 import client as saml_client
    from saml2 import config as saml_config
    from saml2 import metadata as saml_metadata
else:
    ElementTree = DeferredModule("defusedxml.ElementTree")
    saml2 = DeferredModule("saml2")
    saml_client = DeferredModule("saml2.client")
    saml_config = DeferredModule("saml2.config")
    saml_metadata = DeferredModule("saml2.metadata")

_log = logging.getLogger(__name__)

_EXTENSION = "timapp.saml"
_METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_REAL_NAMES, _EMAIL = ("displayName", "cn"), "mail"
_TEXT_MAX = 512


class ServiceProvider:
    """What the site is to its identity provider."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Look at what is configured; the library is imported when the first person comes.

        `ConfigError` without the library, without xmlsec1, and for files that are not there or
        name no identity provider, or more than one and none of them is chosen.
        """
        if find_spec("saml2") is None:
            raise _misconfigured('pysaml2 is missing: pip install "timapp[saml]".')
        self._xmlsec = which("xmlsec1")
        if self._xmlsec is None:
            raise _misconfigured("xmlsec1 is missing (Debian: apt-get install xmlsec1).")
        self._config = config
        site = str(config["SITE_URL"]).rstrip("/")
        self._acs_url = f"{site}/saml/acs"
        self._entity_id: str = config["SAML_ENTITY_ID"] or f"{site}/saml/metadata"
        for option in ("SAML_KEY_FILE", "SAML_CERT_FILE"):
            if config[option] is not None and not Path(config[option]).is_file():
                raise _misconfigured(f"{option} is no file.")
        self.idp = _chosen(_providers(config["SAML_IDP_METADATA"]), config["SAML_IDP"])

    def begin(self) -> tuple[str, str]:
        """Return the number of a new request, and the address at the provider that takes it."""
        number, asked = self._client().prepare_for_authenticate(
            entityid=self.idp, relay_state="", binding=saml2.BINDING_HTTP_REDIRECT
        )
        return number, dict(asked["headers"])["Location"]

    def finish(self, encoded: str, number: str) -> Vouched:
        """Return whom the provider vouches for in its response to the request of that number.

        `SamlRefused` for whatever is none, and for somebody without a user name.
        """
        text = read_form(encoded)
        try:
            with turn_given():  # a program is started that checks the signature
                found = self._client().parse_authn_request_response(
                    base64.b64encode(text.encode()).decode(),
                    saml2.BINDING_HTTP_POST,
                    {number: "here"},
                    conv_info={"entity_id": self._acs_url},
                )
        except Exception as error:  # the library's, of its parsers and of what it runs
            _log.warning("A SAML response is refused: %s", one_line(repr(error))[:300])
            _close_files(error)
            raise _refused() from error
        if found is None or not self._is_for_us(found, number):
            raise _refused()
        return self._vouched(found.ava)

    def describe(self) -> str:
        """Return the metadata of the site, for the provider."""
        return str(saml_metadata.entity_descriptor(self._library_config))

    def _is_for_us(self, found: Any, number: str) -> bool:
        """Tell whether it has what the library takes if it is there, and does not ask for."""
        if len(found.assertions) != 1 or found.response.in_response_to != number:
            return False
        (assertion,) = found.assertions
        conditions = assertion.conditions
        audiences = [] if conditions is None else conditions.audience_restriction
        ways = assertion.subject.subject_confirmation
        confirmed = [one.subject_confirmation_data for one in ways]
        return (
            assertion.issuer.text.strip() == self.idp
            and bool(audiences)
            and all(self._entity_id in {a.text.strip() for a in one.audience} for one in audiences)
            and bool(confirmed)
            and all(
                data is not None
                and data.recipient == self._acs_url
                and data.in_response_to == number
                and bool(data.not_on_or_after)
                for data in confirmed
            )
        )

    def _vouched(self, said: Mapping[str, Sequence[str]]) -> Vouched:
        name_of, subject_of = self._config["SAML_NAME_ATTRIBUTE"], self._config["SAML_SUBJECT"]
        name, subject = _only(said, name_of), _only(said, subject_of or name_of)
        if name is None or subject is None:
            raise SamlRefused(
                "The identity provider does not say your user name (%(claim)s). Tell those who run"
                " the site.",
                claim=name_of if name is None else subject_of,
            )
        real_names = [_first(said, one) for one in _REAL_NAMES]
        groups_of = self._config["SAML_GROUPS_ATTRIBUTE"]
        identity = Identity(
            name,
            next(filter(None, real_names), None),
            _first(said, _EMAIL),
            None if groups_of is None else frozenset(filter(None, said.get(groups_of, ()))),
        )
        return Vouched(Way.SAML, Word(f"saml {self.idp}", subject), identity)

    def _client(self) -> Any:
        # Each remembers whom it has seen, so each is of use once.
        return saml_client.Saml2Client(config=self._library_config)

    @cached_property
    def _library_config(self) -> Any:
        # It writes what it refuses with tracebacks; we say it in a line.
        logging.getLogger("saml2").setLevel(logging.CRITICAL)
        config = self._config
        has_key = config["SAML_KEY_FILE"] is not None
        keys = {"key_file": config["SAML_KEY_FILE"], "cert_file": config["SAML_CERT_FILE"]}
        return saml_config.SPConfig().load(
            {
                "entityid": self._entity_id,
                "xmlsec_binary": self._xmlsec,
                "metadata": {"local": [config["SAML_IDP_METADATA"]]},
                "only_use_keys_in_metadata": True,
                "allow_unknown_attributes": True,
                "accepted_time_diff": int(CLOCK_LEEWAY.total_seconds()),
                "delete_tmpfiles": True,
                "service": {
                    "sp": {
                        "endpoints": {
                            "assertion_consumer_service": [(self._acs_url, saml2.BINDING_HTTP_POST)]
                        },
                        "allow_unsolicited": False,
                        "authn_requests_signed": has_key,
                        "want_assertions_signed": True,
                        "want_response_signed": False,
                    }
                },
                **(keys if has_key else {}),
            }
        )


def add_service_provider(app: Flask) -> None:
    """Let the site have a SAML identity provider, if one is configured."""
    config = app.config
    app.extensions[_EXTENSION] = ServiceProvider(config) if config["SAML_IDP_METADATA"] else None


def current_service_provider() -> ServiceProvider:
    """Return that of the current site; `NotFound` if it has no SAML identity provider."""
    found: ServiceProvider | None = current_app.extensions[_EXTENSION]
    if found is None:
        raise NotFound("This site has no SAML identity provider.")
    return found


def _providers(file: str) -> list[str]:
    """Return what the identity providers of a metadata file are called."""
    try:
        root = ElementTree.fromstring(Path(file).read_bytes(), forbid_dtd=True)
    # Of these, that of XML is the third, and that of an encoding that nobody knows the last.
    except (OSError, ValueError, SyntaxError, LookupError) as error:
        raise _misconfigured("the file cannot be read, or is no XML.") from error
    return [
        entity.get("entityID", "")
        for entity in root.iter(f"{_METADATA}EntityDescriptor")
        if entity.find(f"{_METADATA}IDPSSODescriptor") is not None
    ]


def _chosen(providers: Sequence[str], wanted: str | None) -> str:
    found = [one for one in providers if wanted in {None, one}]
    if len(found) != 1:
        raise _misconfigured(
            f"of {len(providers)} identity providers in the file, SAML_IDP has to name one."
        )
    return found[0]


def _only(said: Mapping[str, Sequence[str]], name: str) -> str | None:
    """Return the one value of an attribute; None if there are none, or several."""
    values = said.get(name, ())
    is_fit = len(values) == 1 and isinstance(values[0], str) and 0 < len(values[0]) <= _TEXT_MAX
    return values[0] if is_fit else None


def _first(said: Mapping[str, Sequence[str]], name: str) -> str | None:
    return next((one for one in said.get(name, ()) if isinstance(one, str) and one), None)


def _close_files(error: BaseException | None) -> None:
    """Let go of the files that the library has opened, which it leaves to the end of their names.

    The names are in the frames of its error, and whoever keeps that keeps them.
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def _misconfigured(why: str) -> ConfigError:
    return ConfigError(f"SAML_IDP_METADATA: {why}", field="SAML_IDP_METADATA")


def _refused() -> SamlRefused:
    return SamlRefused(
        "The identity provider did not let you in, or that took too long. Log in again."
    )
