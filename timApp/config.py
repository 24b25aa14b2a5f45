"""The site's configuration: defaults, file, environment and argument, checked at start.

See `timApp.defaultconfig` for the options. No message of this module repeats a value, since any
value may be, or hold, a secret.
"""

import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from flask import Flask
from pydantic import TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy.engine import URL

from timApp import defaultconfig
from timApp.auth.ways.options import check_ways
from timApp.database.dialects.sqlitefile import file_of
from timApp.net.network import read_network
from timApp.optiontypes.databaseurl import DATABASE_DRIVERS, parse_database_url
from timApp.optiontypes.requirement import can_be_none, example_in_json, means_none, requirement
from timApp.util.errors import ConfigError
from timApp.util.origin import origin_of
from timApp.util.text import one_line

ENV_PREFIX = "TIM_"
CONFIG_FILE_VARIABLE = "TIM_CONFIG"

FOREIGN_PREFIXES = ("SQLALCHEMY_", "WTF_", "BOOTSTRAP_", "ALEMBIC")
"""Options of Flask's extensions begin with these; they pass through an argument unchecked."""

_TYPES: dict[str, Any] = {
    name: option_type
    for name, option_type in get_type_hints(defaultconfig, include_extras=True).items()
    if name.isupper()
}
_FIELDS: dict[str, Any] = {
    name: (option_type, getattr(defaultconfig, name)) for name, option_type in _TYPES.items()
}


class _Settings(BaseSettings):
    """What all options have in common.

    Each source is checked by itself: so an error names it, and the table of one source replaces
    that of another, where pydantic-settings would mix them.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, case_sensitive=True, strict=True, hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(  # the signature is the library's
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the one source that is checked."""
        return (init_settings,)


_Options = create_model("_Options", __base__=_Settings, **_FIELDS)


class _Environment(EnvSettingsSource):
    """The TIM_ variables of an environment, which need not be that of the process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(_Options)
        self.env_vars = environ

    def prepare_field_value(
        self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool
    ) -> Any:
        """Return what a text means; one that means nothing is left for the check to refuse.

        The library alone would take `true` for the number 1, and `null` for no variable.
        """
        is_complex, _ = self._field_is_complex(field)
        if value is None or is_complex:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        try:
            return TypeAdapter(_TYPES[field_name]).validate_strings(value)
        except ValidationError:
            return value

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return the list or table that stands in the text, or else the text: a secret may be."""
        try:
            decoded = super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value
        return decoded if isinstance(decoded, list | dict) else value


def load_config(
    overrides: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Return the value of every option: the defaults, changed by file, environment and overrides.

    `overrides` is the mapping given to `create_app`. It may also hold options of Flask and its
    extensions, which are returned unchecked. The dictionary returned is the caller's own.

    Raises ConfigError, one line that names the option and where it came from, for an unknown
    option or an ill-typed value, and one that names the file if that cannot be read.
    """
    config = _Options().model_dump()
    if CONFIG_FILE_VARIABLE in environ:
        config |= _from_file(environ[CONFIG_FILE_VARIABLE])
    config |= _from_environment(environ)
    config |= _from_argument(overrides or {})
    _check_targets(config)
    _check_guarded_hosts(config)
    check_ways(config)
    return config


def instance_path(config: Mapping[str, Any]) -> Path:
    """Return the absolute path of the instance folder; whether it exists is not looked at."""
    return Path(config["INSTANCE_PATH"]).absolute()


def database_url(config: Mapping[str, Any]) -> str:
    """Return the SQLAlchemy URL of the database, with its driver and its password.

    The path of an SQLite file is made absolute from the working directory. SQLite in memory and
    SQLite's own `file:` URIs are returned as they stand.

    Raises ConfigError for a URL that is malformed or of an unsupported database.
    """
    value = config["DATABASE_URL"]
    if value is None:
        file = instance_path(config) / "timapp.db"
        url = URL.create("sqlite", database=str(file))
    else:
        _checked({"DATABASE_URL": value}, _argument_source)
        url = parse_database_url(value)
        url = url.set(drivername=DATABASE_DRIVERS[url.drivername])
        path = file_of(url)
        if path is not None:
            url = url.set(database=str(path.absolute()))
    return url.render_as_string(hide_password=False)


def _check_guarded_hosts(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if hosts are guarded, and nobody knows where people log in."""
    if config["GUARDED_HOSTS"] and config["SITE_URL"] is None:
        message = "GUARDED_HOSTS: SITE_URL has to say where people log in whom the gate sends away."
        raise _error(message, "GUARDED_HOSTS")
    unclear = [address for address in config["GUARDED_HOSTS"] if origin_of(address) is None]
    if unclear:
        message = (
            "GUARDED_HOSTS: a host is not written in plain ASCII; write it as browsers send it."
        )
        raise _error(message, "GUARDED_HOSTS")


def _check_targets(config: Mapping[str, Any]) -> None:
    """Check the names of hosts and targets; only now all the options about them are known."""
    network = read_network(config)
    unknown = [name for name in config["SESSIONS_VERIFY_TARGETS"] if name not in network.targets]
    if unknown:
        message = f"SESSIONS_VERIFY_TARGETS: there is no target {unknown[0]} in {network.source}."
        raise _error(message, "SESSIONS_VERIFY_TARGETS")


def _from_file(name: str) -> dict[str, Any]:
    """Return the options of a TOML file, checked."""
    if not name:
        raise _error(f"{CONFIG_FILE_VARIABLE} must be the path of a TOML file, or not be set.")
    source = f"file {name}"
    try:
        values = tomllib.loads(Path(name).read_text("utf-8"))
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise _error(f"{CONFIG_FILE_VARIABLE}: cannot read {source}: {reason}.") from None
    except UnicodeDecodeError:
        raise _error(f"{CONFIG_FILE_VARIABLE}: {source} must be text in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        # Of what stands in the file, the parser repeats at most the name of a key.
        raise _error(f"{CONFIG_FILE_VARIABLE}: {source} is no valid TOML: {error}.") from None
    return _checked(_with_none(values), lambda _: source)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of the TIM_ variables, checked."""
    variables = (name for name in environ if name.startswith(ENV_PREFIX))
    options = [name.removeprefix(ENV_PREFIX) for name in variables if name != CONFIG_FILE_VARIABLE]
    if not options:  # the library would look for each of them
        return {}
    _refuse_unknown(options, _environment_source)
    return _checked(_with_none(_Environment(environ)()), _environment_source)


def _from_argument(overrides: Mapping[str, object]) -> dict[str, Any]:
    """Return the options of create_app's argument: ours checked, those of Flask as they are."""
    foreign = {name: value for name, value in overrides.items() if _is_foreign(name)}
    ours = {name: value for name, value in overrides.items() if name not in foreign}
    return foreign | _checked(ours, _argument_source)


def _is_foreign(name: str) -> bool:
    known_to_flask = name in Flask.default_config or name.startswith(FOREIGN_PREFIXES)
    return known_to_flask and name not in _TYPES


def _environment_source(option: str) -> str:
    return f"environment variable {ENV_PREFIX}{option}"


def _argument_source(_option: str) -> str:
    return "argument"


def _with_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a source that writes None as a word, with None for the word."""
    return {
        name: None if means_none(value) and can_be_none(_TYPES.get(name)) else value
        for name, value in values.items()
    }


def _checked(values: Mapping[str, object], source: Callable[[str], str]) -> dict[str, Any]:
    """Return the values as their types have them, or raise the error of one that is wrong."""
    # First of all, since pydantic-settings takes some other names for its own parameters.
    _refuse_unknown(values, source)
    try:
        options = _Options(**values)
    except ValidationError as errors:
        option, *path = errors.errors(include_url=False, include_context=False)[0]["loc"]
    else:
        return options.model_dump(exclude_unset=True)
    place = "".join(_place(values[str(option)], path))
    at = f", at {place}" if place else ""
    message = f"{option} ({source(str(option))}{at}) must {requirement(_TYPES[str(option)])}."
    example = example_in_json(_TYPES[str(option)])
    if source is _environment_source and example is not None:
        message += f" There it is JSON, such as {ENV_PREFIX}{option}='{example}'."
    raise _error(message, str(option))


def _place(value: object, path: Iterable[int | str]) -> Iterator[str]:
    """Yield where in a list or table an error is, such as `exam`, `.hosts`, `[1]`.

    What pydantic puts into the path besides, such as the members of a union, leads nowhere in the
    value and is passed over.
    """
    first = True
    for key in path:
        if isinstance(value, list | tuple) and isinstance(key, int):
            yield f"[{key}]"
            value = value[key]
        elif isinstance(value, Mapping) and key in value:
            yield str(key) if first else f".{key}"
            value = value[key]
        first = False


def _refuse_unknown(options: Iterable[str], source: Callable[[str], str]) -> None:
    for option in options:
        if option not in _TYPES:
            similar = difflib.get_close_matches(option.upper(), list(_TYPES), n=1)
            hint = f" Did you mean {similar[0]}?" if similar else ""
            raise _error(f"{option} ({source(option)}): there is no such option.{hint}", option)


def _error(message: str, option: str | None = None) -> ConfigError:
    """Return the error on one line, whatever characters a name in it has."""
    return ConfigError(one_line(message), field=option)
