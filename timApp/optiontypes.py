"""The types of the options, each with its range and with words for what a value must be."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from types import NoneType
from typing import Annotated, Any, Literal, NotRequired, get_args
from urllib.parse import unquote, urlsplit

import pytz
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict, with_config
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from typing_extensions import TypedDict

#: Whoever has a cookie or a link can try keys on it at home, millions in a second. So many random
#: characters are beyond that.
KEY_MIN_LENGTH = 16

#: The databases that a URL may name, and the driver that is used for each.
DATABASE_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",  # libpq takes both
    "postgresql+psycopg": "postgresql+psycopg",
}

#: What stands around the hosts of a URL that names several.
_SEVERAL_HOSTS = re.compile(
    r"(?P<before>postgres(?:ql(?:\+psycopg)?)?://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<after>.*)"
)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_POSTGRESQL_PORT = "5432"


@dataclass(frozen=True)
class Must:
    """What a value of the type must be, in the words of a message: the rest of "X must ..."."""

    words: str
    #: One in JSON, if it is a list or a table: that is how the environment has it.
    example: str | None = None


def requirement(option_type: Any) -> str:
    """Return what a value of an option must be, in words.

    `option_type` is the annotation of an option in `timApp.defaultconfig`: a type of this module,
    or one of them or None.
    """
    words = _must(option_type).words
    return f"{words}, or none" if can_be_none(option_type) else words


def example_in_json(option_type: Any) -> str | None:
    """Return a value of an option as the environment has it; None if it is no list or table."""
    return _must(option_type).example


def can_be_none(option_type: Any) -> bool:
    """Tell whether an option of that annotation may be None."""
    return NoneType in _parts(option_type)


def means_none(value: object) -> bool:
    """Tell whether the value is the text that stands for None, in files and the environment."""
    return isinstance(value, str) and value.strip().lower() == "none"


def _must(option_type: Any) -> Must:
    found = [part for part in _parts(option_type) if part is not NoneType]
    return next(mark for mark in get_args(found[0]) if isinstance(mark, Must))


def _parts(option_type: Any) -> tuple[Any, ...]:
    parts = get_args(option_type)
    return parts if NoneType in parts else (option_type,)


def _satisfying(fits: Callable[[str], object]) -> AfterValidator:
    """Return the check that refuses each text that does not fit."""

    def check(text: str) -> str:
        if not fits(text):
            raise ValueError
        return text

    return AfterValidator(check)


def _is_filled(text: str) -> bool:
    return bool(text.strip()) and "\0" not in text


def _is_key(text: str) -> bool:
    return _is_filled(text) and len(text.strip()) >= KEY_MIN_LENGTH


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        well_formed = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:  # a port or an IPv6 address that is none, or a name that cannot be
        return False
    # A password would be printed with every error about the host.
    well_formed = well_formed and parts.username is None and parts.password is None
    # urlsplit drops line breaks and tabs; the path of a request is appended, so nothing may follow.
    return bool(well_formed) and text.isprintable() and set(" ?#").isdisjoint(text)


def _is_host_name(text: str) -> bool:
    name = text.removeprefix(".")
    return _is_base_url(f"http://{name}") and set("/:@*").isdisjoint(_without_ipv6(name))


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _without_ipv6(name: str) -> str:
    return "" if name.startswith("[") and name.endswith("]") else name


def parse_database_url(text: str) -> URL:
    """Return a URL of a database: SQLAlchemy's, or libpq's form with several hosts.

    ``postgresql://h1:5432,h2:5433/db`` has them between commas, each with a port or without.
    `ValueError` or SQLAlchemy's `ArgumentError` for anything else.
    """
    several = _SEVERAL_HOSTS.fullmatch(text)
    if several is None:
        return make_url(text)
    parts = [_HOST.fullmatch(one) for one in several["hosts"].split(",")]
    hosts = [unquote(part["host"].strip("[]")) for part in parts if part is not None]
    ports = [part["port"] or _POSTGRESQL_PORT for part in parts if part is not None]
    if len(hosts) < len(parts):
        raise ValueError
    url = make_url(several["before"] + several["after"])
    return url.update_query_dict({"host": ",".join(hosts), "port": ",".join(ports)})


def _is_database_url(text: str) -> bool:
    try:
        url = parse_database_url(text)
    except (ArgumentError, ValueError):
        return False
    # sqlite://name.db lacks a slash: SQLAlchemy reads the name as a host.
    misplaced_host = url.drivername.startswith("sqlite") and url.host is not None
    return url.drivername in DATABASE_DRIVERS and not misplaced_host


def _none_for_its_word(value: object) -> object:
    return None if means_none(value) else value


def _no_items_for_empty_table(value: object) -> object:
    return [] if value == {} else value


# Parts of the types below.

_Filled = Annotated[str, _satisfying(_is_filled)]
_Key = Annotated[str, _satisfying(_is_key)]
_Url = Annotated[str, _satisfying(_is_base_url)]
# In Python a tuple or a set does as well as a list.
_Names = Annotated[list[_Filled], Strict(strict=False)]
#: More would not fit into a column of a database.
_NUMBER_MAX = 2**31 - 1
#: A year; more would be beyond what clocks and dates can say.
_SECONDS_MAX = 366 * 24 * 60 * 60
#: A century; twice as much is still within what clocks and dates can say.
_DAYS_MAX = 36_525
_Number = Annotated[int, Field(ge=1, le=_NUMBER_MAX)]
_FORM_OF_URLS = "with base URLs that begin with http:// or https:// and a host"

# The types of the options.

Flag = Annotated[bool, Must("be true or false")]
Limit = Annotated[_Number, Must(f"be a whole number from 1 to {_NUMBER_MAX}")]
GroupLimits = Annotated[
    # As a value in a table, None needs its word in files and the environment too.
    dict[_Filled, Annotated[_Number | None, BeforeValidator(_none_for_its_word)]],
    Must(
        f"be a table of groups and whole numbers from 1 to {_NUMBER_MAX}, or none",
        '{"Students": 1, "Session supervisors": null}',
    ),
]
Count = Annotated[int, Field(ge=0), Must("be a whole number of at least 0")]
ByteCount = Annotated[int, Field(ge=1), Must("be a whole number of bytes, at least 1")]
Days = Annotated[
    int,
    Field(ge=1, le=_DAYS_MAX),
    Must(f"be a whole number of days from 1 to {_DAYS_MAX}"),
]
Seconds = Annotated[
    float,
    Field(gt=0, le=_SECONDS_MAX, allow_inf_nan=False),
    Must("be a number of seconds above 0, a year at the most"),
]
RenewalSeconds = Annotated[
    float,
    Field(ge=20, le=_SECONDS_MAX, allow_inf_nan=False),
    Must("be a number of seconds from 20 to a year"),
]
OverLimitChoice = Annotated[
    Literal["block_new", "expire_oldest", "block_all", "observe"],
    Must('be "block_new", "expire_oldest", "block_all" or "observe"'),
]
AfterEndChoice = Annotated[Literal["free", "hold"], Must('be "free" or "hold"')]
DeviceChoice = Annotated[Literal["any", "same"], Must('be "any" or "same"')]
CookieName = Annotated[
    Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")],
    Must('be 1 to 64 letters, digits, "-" and "_"'),
]
TimeZone = Annotated[
    Annotated[str, _satisfying(pytz.all_timezones_set.__contains__)],
    Must("be the name of a time zone, such as Europe/Helsinki"),
]
FilePath = Annotated[_Filled, Must("be the path of a file")]
LogFormat = Annotated[Literal["text", "json"], Must('be "text" or "json"')]
FolderPath = Annotated[_Filled, Must("be the path of a folder")]
BaseUrl = Annotated[_Url, Must("be a base URL that begins with http:// or https:// and a host")]
DatabaseUrl = Annotated[
    str,
    _satisfying(_is_database_url),
    Must("be a URL like sqlite:///file or postgresql://user:password@host/database"),
]
Secret = Annotated[_Filled, Must("be text that is not empty")]
Text = Secret
Key = Annotated[_Key, Must(f"be text of at least {KEY_MIN_LENGTH} characters")]
Keys = Annotated[
    Annotated[list[_Key], Strict(strict=False)],
    Must(
        f"be a list of texts of at least {KEY_MIN_LENGTH} characters each",
        '["the-key-before-this-one"]',
    ),
]
HeaderName = Annotated[
    Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$", max_length=64)],
    Must('be the name of a header: letters, digits and "-"; others are not passed on'),
]
_Way = Literal["oidc", "header", "saml", "lti"]
Ways = Annotated[
    Annotated[list[_Way | Literal["application"]], Strict(strict=False)],
    Must('be a list of "oidc", "header", "saml", "lti" and "application"', '["oidc"]'),
]
WayLabels = Annotated[
    dict[_Way, _Filled],
    Must(
        'be a table of "oidc", "header" and "saml" and what their buttons say', '{"saml": "Haka"}'
    ),
]
Networks = Annotated[
    Annotated[list[Annotated[str, _satisfying(_is_network)]], Strict(strict=False)],
    Must("be a list of networks or addresses", '["10.1.2.0/24", "2001:db8::7"]'),
]
Secrets = Annotated[
    Annotated[_Names, Field(min_length=1)] | _Filled,
    Must("be text that is not empty, or a list of such texts", '["the new one", "the old one"]'),
]
HostNames = Annotated[
    Annotated[
        list[Annotated[str, _satisfying(_is_host_name)]], Strict(strict=False), Field(min_length=1)
    ],
    Must(
        'be a list of host names, without http://, ports and "*" (".example.org" stands for a'
        " domain and all below it; for any name leave out this option and SITE_URL)",
        '["exam.example.org"]',
    ),
]
ProxyHeaders = Annotated[
    Literal["x-forwarded", "forwarded"], Must('be "x-forwarded" or "forwarded"')
]
TargetNames = Annotated[
    _Names, Must("be a list of targets of DIST_RIGHTS_HOSTS or DIST_RIGHTS_NETWORK", '["exam"]')
]
GroupNames = Annotated[
    _Names, Must("be a list of groups, none of them empty", '["Administrators"]')
]
DocumentPaths = Annotated[
    _Names,
    BeforeValidator(_no_items_for_empty_table),
    Must("be a list of document paths, none of them empty", '["exam/rules"]'),
]


def _is_origin(text: str) -> bool:
    return _is_base_url(text) and urlsplit(text).path in {"", "/"}


_Paths = Annotated[
    list[Annotated[str, _satisfying(lambda path: path.startswith("/"))]], Strict(strict=False)
]


@with_config(ConfigDict(extra="forbid", strict=True))
class GuardedHostRules(TypedDict):
    """What stands under one origin of GUARDED_HOSTS."""

    groups: NotRequired[_Names]
    open: NotRequired[_Paths]
    open_to_blocked: NotRequired[_Paths]
    exam: NotRequired[_Filled]


GuardedHosts = Annotated[
    dict[Annotated[str, _satisfying(_is_origin)], GuardedHostRules],
    Must(
        'be a table of origins such as "https://lab.example.org", each with a table of "groups"'
        ' (names), "open" and "open_to_blocked" (paths that begin with "/"), and "exam" (a title),'
        " all of which may be left out",
        '{"https://lab.example.org": {"groups": ["Students"]}}',
    ),
]


@with_config(ConfigDict(extra="forbid", strict=True))
class LtiPlatform(TypedDict):
    """One of LTI_PLATFORMS."""

    issuer: Annotated[str, _satisfying(lambda text: _is_filled(text) and " " not in text)]
    client_id: _Filled
    auth_url: _Url
    keys_url: _Url
    deployments: Annotated[_Names, Field(min_length=1)]
    name_claim: NotRequired[_Filled]


LtiPlatforms = Annotated[
    Annotated[list[LtiPlatform], Strict(strict=False)],
    Must(
        'be a list of tables with "issuer", "client_id", "auth_url" and "keys_url" (URLs),'
        ' "deployments" (a list, not empty) and perhaps "name_claim"',
        '[{"issuer": "https://lms.example.org", "client_id": "1",'
        ' "auth_url": "https://lms.example.org/auth", "keys_url": "https://lms.example.org/keys",'
        ' "deployments": ["1"]}]',
    ),
]
CookieDomain = Annotated[
    Annotated[str, _satisfying(lambda text: "." in text.strip(".") and _is_host_name(text))],
    Must("be a domain that several hosts have, such as example.org"),
]


@with_config(ConfigDict(extra="allow", strict=True))
class Target(TypedDict):
    """What stands under one name of DIST_RIGHTS_HOSTS; other keys are kept as they are."""

    hosts: Annotated[list[_Url], Strict(strict=False)]


Targets = Annotated[
    dict[_Filled, Target],
    Must(
        f'be a table of targets, each of the form {{"hosts": [...]}} {_FORM_OF_URLS}',
        '{"exam": {"hosts": ["https://exam1.example.org"]}}',
    ),
]


@with_config(ConfigDict(extra="forbid", strict=True))
class NamedNetwork(TypedDict, total=False):
    """The tables of DIST_RIGHTS_NETWORK; the last two are TIM's own and kept as they are."""

    hosts: dict[_Filled, _Url]
    groups: dict[_Filled, _Names]
    targets: dict[_Filled, _Names]
    distribute_groups: dict[str, Any] | list[Any]
    distribute_targets: dict[str, Any] | list[Any]


Network = Annotated[
    NamedNetwork,
    Must(
        'be a table {"hosts": {name: URL}, "groups": {name: [host, ...]},'
        f' "targets": {{name: [host or group, ...]}}}} {_FORM_OF_URLS}',
        '{"hosts": {"a1": "https://a1.example.org"}, "targets": {"hall": ["a1"]}}',
    ),
]
