"""The types of options that are tables of tables."""

from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, Strict, with_config
from typing_extensions import TypedDict

from timApp.optiontypes.requirement import Must
from timApp.optiontypes.texts import Filled, Names, Paths, Url, is_filled, is_origin, satisfying

_FORM_OF_URLS = "with base URLs that begin with http:// or https:// and a host"


@with_config(ConfigDict(extra="forbid", strict=True))
class GuardedHostRules(TypedDict):
    """What stands under one origin of GUARDED_HOSTS."""

    groups: NotRequired[Names]
    open: NotRequired[Paths]
    open_to_blocked: NotRequired[Paths]
    exam: NotRequired[Filled]


GuardedHosts = Annotated[
    dict[Annotated[str, satisfying(is_origin)], GuardedHostRules],
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

    issuer: Annotated[str, satisfying(lambda text: is_filled(text) and " " not in text)]
    client_id: Filled
    auth_url: Url
    keys_url: Url
    deployments: Annotated[Names, Field(min_length=1)]
    name_claim: NotRequired[Filled]


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


@with_config(ConfigDict(extra="allow", strict=True))
class Target(TypedDict):
    """What stands under one name of DIST_RIGHTS_HOSTS; other keys are kept as they are."""

    hosts: Annotated[list[Url], Strict(strict=False)]


Targets = Annotated[
    dict[Filled, Target],
    Must(
        f'be a table of targets, each of the form {{"hosts": [...]}} {_FORM_OF_URLS}',
        '{"exam": {"hosts": ["https://exam1.example.org"]}}',
    ),
]


@with_config(ConfigDict(extra="forbid", strict=True))
class NamedNetwork(TypedDict, total=False):
    """The tables of DIST_RIGHTS_NETWORK; the last two are TIM's own and kept as they are."""

    hosts: dict[Filled, Url]
    groups: dict[Filled, Names]
    targets: dict[Filled, Names]
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
