"""The site's configuration: defaults, file, environment and argument, checked at start.

See `timApp.defaultconfig` for the options. No message of this module repeats a value, since any
value may be, or hold, a secret.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, get_type_hints

from flask import Flask
from marshmallow import ValidationError, fields
from sqlalchemy.engine import URL, make_url

from timApp import defaultconfig
from timApp.configschema import DATABASE_DRIVERS, ConfigSchema, Secrets, means_none
from timApp.net.network import read_network
from timApp.util.errors import ConfigError
from timApp.util.text import one_line

ENV_PREFIX = "TIM_"
CONFIG_FILE_VARIABLE = "TIM_CONFIG"

FOREIGN_PREFIXES = ("SQLALCHEMY_", "WTF_", "API_", "OPENAPI_", "BOOTSTRAP_", "ALEMBIC")
"""Options of Flask's extensions begin with these; they pass through an argument unchecked."""

_SCHEMA = ConfigSchema()


def load_config(
    overrides: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Return the value of every option: the defaults, changed by file, environment and overrides.

    `overrides` is the mapping given to `create_app`. It may also hold options of Flask and its
    extensions, which are returned unchecked. The dictionary returned is the caller's own.

    Raises ConfigError, one line that names the option and where it came from, for an unknown
    option or an ill-typed value, and one that names the file if that cannot be read.
    """
    config: dict[str, Any] = {
        name: deepcopy(getattr(defaultconfig, name))
        for name in get_type_hints(defaultconfig)
        if name.isupper()
    }
    if CONFIG_FILE_VARIABLE in environ:
        config |= _from_file(environ[CONFIG_FILE_VARIABLE])
    config |= _from_environment(environ)
    config |= _from_argument(overrides or {})
    _check_targets(config)
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
        _checked({"DATABASE_URL": value}, lambda _: "argument")
        url = make_url(value)
        url = url.set(drivername=DATABASE_DRIVERS[url.drivername])
        is_file = url.database and url.database != ":memory:" and "uri" not in url.query
        if url.drivername.startswith("sqlite") and is_file:
            url = url.set(database=str(Path(str(url.database)).absolute()))
    return url.render_as_string(hide_password=False)


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
    for option, value in values.items():
        field = _SCHEMA.fields.get(option)
        if field is not None and field.allow_none and means_none(value):
            values[option] = None
    return _checked(values, lambda _: source)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of the TIM_ variables, checked."""
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(ENV_PREFIX) or variable == CONFIG_FILE_VARIABLE:
            continue
        option = variable.removeprefix(ENV_PREFIX)
        field = _SCHEMA.fields.get(option)
        try:
            values[option] = text if field is None else _parse(field, text)
        except (ValidationError, ValueError, RecursionError):
            raise _invalid(option, _environment_source(option)) from None
    return _checked(values, _environment_source)


def _from_argument(overrides: Mapping[str, object]) -> dict[str, Any]:
    """Return the options of create_app's argument: ours checked, those of Flask as they are."""
    foreign = {name: value for name, value in overrides.items() if _is_foreign(name)}
    ours = {name: value for name, value in overrides.items() if name not in foreign}
    return foreign | _checked(ours, lambda _: "argument")


def _is_foreign(name: str) -> bool:
    known_to_flask = name in Flask.default_config or name.startswith(FOREIGN_PREFIXES)
    return known_to_flask and name not in _SCHEMA.fields


def _environment_source(option: str) -> str:
    return f"environment variable {ENV_PREFIX}{option}"


def _parse(field: fields.Field[Any], text: str) -> Any:
    """Turn the text of an environment variable into the kind of value the field wants."""
    if field.allow_none and means_none(text):
        return None
    value: Any = text
    match field:
        case fields.Boolean():
            value = fields.Boolean().deserialize(text.strip())
        case fields.Integer():
            value = fields.Integer().deserialize(text)
        case fields.Float():
            value = fields.Float().deserialize(text)
        case Secrets():
            value = Secrets.parse(text)
        case fields.List() | fields.Dict():
            value = json.loads(text)
    return value


def _checked(values: Mapping[str, object], source: Callable[[str], str]) -> dict[str, Any]:
    """Return the values as the schema has them, or raise the error of the first that is wrong."""
    try:
        checked: dict[str, Any] = _SCHEMA.load(values)
    except ValidationError as error:
        messages = error.messages_dict
    else:
        return checked
    option = next(option for option in values if option in messages)
    if option not in _SCHEMA.fields:
        raise _unknown(option, source(option))
    raise _invalid(option, source(option), "".join(_place(messages[option])))


def _place(messages: Any) -> Iterator[str]:
    """Yield where in a list or table the first error is, such as `exam`, `.hosts`, `[1]`."""
    first = True
    while isinstance(messages, Mapping):
        key, messages = next(iter(messages.items()))
        if isinstance(key, int):
            yield f"[{key}]"
        elif first:
            yield str(key)
            # marshmallow puts the word "key" or "value" between a table's key and the errors;
            # further inside, these words are passed over.
            messages = next(iter(messages.values()))
        elif key not in {"_schema", "key", "value"}:
            yield f".{key}"
        first = False


def _unknown(option: str, source: str) -> ConfigError:
    similar = difflib.get_close_matches(str(option).upper(), list(_SCHEMA.fields), n=1)
    hint = f" Did you mean {similar[0]}?" if similar else ""
    return _error(f"{option} ({source}): there is no such option.{hint}", option)


def _invalid(option: str, source: str, place: str = "") -> ConfigError:
    at = f", at {place}" if place else ""
    must = _SCHEMA.fields[option].metadata["must"]
    return _error(f"{option} ({source}{at}) must {must}.", option)


def _error(message: str, option: str | None = None) -> ConfigError:
    """Return the error on one line, whatever characters a name in it has."""
    return ConfigError(one_line(message), field=option)
