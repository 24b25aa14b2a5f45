"""What receivers of Shared Signals are answered, for the document of the API."""

from marshmallow import Schema, fields


class _Scheme(Schema):
    spec_urn = fields.String(required=True)


class ConfigurationAnswer(Schema):
    """What this transmitter offers: OpenID Shared Signals 1.0, section 7."""

    spec_version = fields.String(required=True)
    issuer = fields.String(required=True)
    jwks_uri = fields.String(required=True)
    delivery_methods_supported = fields.List(fields.String(), required=True)
    authorization_schemes = fields.List(fields.Nested(_Scheme), required=True)
    default_subjects = fields.String(required=True)


class KeysAnswer(Schema):
    """The public parts of the keys: RFC 7517."""

    keys = fields.List(fields.Dict(), required=True)
