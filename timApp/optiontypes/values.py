"""The types of options that are one value, or a list of such."""

from typing import Annotated, Literal

import pytz
from pydantic import BeforeValidator, Field, Strict

from timApp.optiontypes.databaseurl import is_database_url
from timApp.optiontypes.requirement import Must, means_none
from timApp.optiontypes.texts import (
    KEY_MIN_LENGTH,
    Filled,
    HostName,
    LongKey,
    Names,
    Range,
    Url,
    is_host_name,
    satisfying,
)


def _none_for_its_word(value: object) -> object:
    return None if means_none(value) else value


def _no_items_for_empty_table(value: object) -> object:
    return [] if value == {} else value


#: More would not fit into a column of a database.
_NUMBER_MAX = 2**31 - 1
#: A year; more would be beyond what clocks and dates can say.
_SECONDS_MAX = 366 * 24 * 60 * 60
#: A century; twice as much is still within what clocks and dates can say.
_DAYS_MAX = 36_525
_Number = Annotated[int, Field(ge=1, le=_NUMBER_MAX)]

Flag = Annotated[bool, Must("be true or false")]
Limit = Annotated[_Number, Must(f"be a whole number from 1 to {_NUMBER_MAX}")]
GroupLimits = Annotated[
    # As a value in a table, None needs its word in files and the environment too.
    dict[Filled, Annotated[_Number | None, BeforeValidator(_none_for_its_word)]],
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
    Annotated[str, satisfying(pytz.all_timezones_set.__contains__)],
    Must("be the name of a time zone, such as Europe/Helsinki"),
]
FilePath = Annotated[Filled, Must("be the path of a file")]
LogFormat = Annotated[Literal["text", "json"], Must('be "text" or "json"')]
FolderPath = Annotated[Filled, Must("be the path of a folder")]
BaseUrl = Annotated[Url, Must("be a base URL that begins with http:// or https:// and a host")]
DatabaseUrl = Annotated[
    str,
    satisfying(is_database_url),
    Must("be a URL like sqlite:///file or postgresql://user:password@host/database"),
]
Secret = Annotated[Filled, Must("be text that is not empty")]
Text = Secret
Key = Annotated[LongKey, Must(f"be text of at least {KEY_MIN_LENGTH} characters")]
Keys = Annotated[
    Annotated[list[LongKey], Strict(strict=False)],
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
    dict[_Way, Filled],
    Must(
        'be a table of "oidc", "header" and "saml" and what their buttons say', '{"saml": "Haka"}'
    ),
]
Networks = Annotated[
    Annotated[list[Range], Strict(strict=False)],
    Must("be a list of networks or addresses", '["10.1.2.0/24", "2001:db8::7"]'),
]
Secrets = Annotated[
    Annotated[Names, Field(min_length=1)] | Filled,
    Must("be text that is not empty, or a list of such texts", '["the new one", "the old one"]'),
]
HostNames = Annotated[
    Annotated[list[HostName], Strict(strict=False), Field(min_length=1)],
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
    Names, Must("be a list of targets of DIST_RIGHTS_HOSTS or DIST_RIGHTS_NETWORK", '["exam"]')
]
GroupNames = Annotated[Names, Must("be a list of groups, none of them empty", '["Administrators"]')]
DocumentPaths = Annotated[
    Names,
    BeforeValidator(_no_items_for_empty_table),
    Must("be a list of document paths, none of them empty", '["exam/rules"]'),
]
CookieDomain = Annotated[
    Annotated[str, satisfying(lambda text: "." in text.strip(".") and is_host_name(text))],
    Must("be a domain that several hosts have, such as example.org"),
]
