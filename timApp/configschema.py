"""The type and the range of each option of the site."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

#: The databases that a URL may name, and the driver that is used for each.
DATABASE_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


class _StrictBoolean(fields.Boolean):
    """A boolean that is one already; marshmallow alone would take 1 and "yes" as well."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class _StrictFloat(fields.Float):
    """A number that is one already; marshmallow alone would take "5" as well."""

    def _validated(self, value: Any) -> float:
        if not isinstance(value, int | float):
            raise self.make_error("invalid")
        return super()._validated(value)


class _Limit(fields.Integer):
    """A number of sessions; ``"none"`` stands for None, which TOML does not have."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the number, or None."""
        return super().deserialize(None if means_none(value) else value, *args, **kwargs)


class _StrictList(fields.List[str]):
    """A list or tuple; marshmallow alone would take the keys of a table as well."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str | None]:
        if not isinstance(value, list | tuple):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


def means_none(value: object) -> bool:
    """Tell whether the value is the text that stands for None, in files and the environment."""
    return isinstance(value, str) and value.strip().lower() == "none"


def _check_not_blank(value: str) -> None:
    if not value.strip() or "\0" in value:
        raise ValidationError("blank")


def _names() -> _StrictList:
    return _StrictList(fields.String(validate=_check_not_blank))


def _check_base_url(value: str) -> None:
    try:
        parts = urlsplit(value)
        well_formed = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:  # a port or an IPv6 address that is none, or a name that cannot be
        well_formed = False
    # A password would be printed with every error about the host.
    well_formed = well_formed and parts.username is None and parts.password is None
    # urlsplit drops line breaks and tabs; the path of a request is appended, so nothing may follow.
    if not well_formed or not value.isprintable() or not set(" ?#").isdisjoint(value):
        raise ValidationError("not a base URL")


def _check_database_url(value: str) -> None:
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValidationError("malformed") from None
    # sqlite://name.db lacks a slash: SQLAlchemy reads the name as a host.
    misplaced_host = url.drivername.startswith("sqlite") and url.host is not None
    if url.drivername not in DATABASE_DRIVERS or misplaced_host:
        raise ValidationError("not supported")


def _must(what: str) -> dict[str, str]:
    """Return the metadata that tells, in messages, what a value must be."""
    return {"must": what}


class _TargetSchema(Schema):
    """What stands under one name of DIST_RIGHTS_HOSTS; other keys are kept as they are."""

    class Meta:
        unknown = INCLUDE

    hosts = _StrictList(fields.String(validate=_check_base_url), required=True)


class _Network(fields.Dict):
    """What stands in DIST_RIGHTS_NETWORK: a table of tables, each of its own kind."""

    _parts: ClassVar[Mapping[str, fields.Field[Any]]] = {
        "hosts": fields.Dict(
            keys=fields.String(validate=_check_not_blank),
            values=fields.String(validate=_check_base_url),
        ),
        "groups": fields.Dict(keys=fields.String(validate=_check_not_blank), values=_names()),
        "targets": fields.Dict(keys=fields.String(validate=_check_not_blank), values=_names()),
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[Any, Any]:
        table: dict[Any, Any] = super()._deserialize(  # type: ignore[no-untyped-call]
            value, attr, data, **kwargs
        )
        for key, part in table.items():
            if key not in self._parts:
                raise ValidationError({key: {"key": ["unknown"]}})
            try:
                self._parts[key].deserialize(part)
            except ValidationError as error:
                raise ValidationError({key: {"value": error.messages}}) from None
        return table


class Secrets(_StrictList):
    """A secret, or a list of at least one."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if isinstance(value, str):
            return self.inner.deserialize(value)
        secrets = super()._deserialize(value, attr, data, **kwargs)
        if not secrets:
            raise self.make_error("invalid")
        return secrets

    @staticmethod
    def parse(text: str) -> Any:
        """Return what a variable's text means: a list of texts in JSON, or else one secret."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value if isinstance(value, list) else text


def _secret() -> fields.String:
    return fields.String(
        allow_none=True,
        validate=_check_not_blank,
        metadata=_must("be text, or none, and must not be empty"),
    )


class ConfigSchema(Schema):
    """The type and the range of every option; marshmallow refuses any other by itself."""

    SESSIONS_ENABLE = _StrictBoolean(metadata=_must("be true or false"))
    SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=1),
        metadata=_must("be a whole number of at least 1, or none"),
    )
    SESSIONS_MAX_CONCURRENT_SESSIONS_PER_GROUP = fields.Dict(
        keys=fields.String(validate=_check_not_blank),
        values=_Limit(strict=True, allow_none=True, validate=validate.Range(min=1)),
        metadata=_must("be a table of groups and whole numbers of at least 1, or none"),
    )
    SESSIONS_SUPERVISE_URL = fields.String(
        allow_none=True,
        validate=_check_base_url,
        metadata=_must("be a base URL that begins with http:// or https:// and a host, or none"),
    )
    SESSIONS_LINK_SECRET = _secret()
    SESSIONS_VERIFY_TARGETS = _StrictList(
        fields.String(validate=_check_not_blank),
        metadata=_must("be a list of targets of DIST_RIGHTS_HOSTS or DIST_RIGHTS_NETWORK"),
    )
    SESSION_BLOCK_IGNORE_DOCUMENTS = _StrictList(
        fields.String(validate=_check_not_blank),
        metadata=_must("be a list of document paths, none of them empty"),
    )
    DIST_RIGHTS_HOSTS = fields.Dict(
        keys=fields.String(validate=_check_not_blank),
        values=fields.Nested(_TargetSchema),
        metadata=_must(
            'be a table of targets, each of the form {"hosts": [...]}'
            " with base URLs that begin with http:// or https:// and a host"
        ),
    )
    DIST_RIGHTS_NETWORK = _Network(
        metadata=_must(
            'be a table {"hosts": {name: URL}, "groups": {name: [host, ...]},'
            ' "targets": {name: [host or group, ...]}}'
            " with base URLs that begin with http:// or https:// and a host"
        ),
    )
    DIST_RIGHTS_SEND_SECRET = _secret()
    DIST_RIGHTS_RECEIVE_SECRET = Secrets(
        fields.String(validate=_check_not_blank),
        allow_none=True,
        metadata=_must("be text, or a list of texts, or none, and must not be empty"),
    )
    DIST_RIGHTS_SIGNED_ONLY = _StrictBoolean(metadata=_must("be true or false"))
    DIST_RIGHTS_TIMEOUT = _StrictFloat(
        validate=validate.Range(min=0, min_inclusive=False),
        metadata=_must("be a number of seconds above 0"),
    )
    DIST_RIGHTS_VERIFY_MAX_AGE = _StrictFloat(
        validate=validate.Range(min=0, min_inclusive=False),
        metadata=_must("be a number of seconds above 0"),
    )
    DATABASE_URL = fields.String(
        allow_none=True,
        validate=_check_database_url,
        metadata=_must(
            "be a URL like sqlite:///file or postgresql://user:password@host/database, or none"
        ),
    )
    INSTANCE_PATH = fields.String(
        validate=_check_not_blank, metadata=_must("be the path of a folder")
    )
    SECRET_KEY = _secret()
    SESSION_COOKIE_SECURE = _StrictBoolean(
        allow_none=True, metadata=_must("be true or false, or none")
    )
    TRUSTED_PROXIES = fields.Integer(
        strict=True,
        validate=validate.Range(min=0),
        metadata=_must("be a whole number of at least 0"),
    )
    MAX_CONTENT_LENGTH = fields.Integer(
        strict=True,
        validate=validate.Range(min=1),
        metadata=_must("be a whole number of bytes, at least 1"),
    )
