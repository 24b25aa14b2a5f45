"""The other hosts of the configuration, and the targets that stand for some of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from timApp.net.signature import InvalidSignature, address_of, sign_request, verify_request
from timApp.util.errors import ConfigError
from timApp.util.text import one_line

_HOSTS, _NETWORK, _SITE_URL = "DIST_RIGHTS_HOSTS", "DIST_RIGHTS_NETWORK", "SITE_URL"


@dataclass(frozen=True)
class Host:
    """Another server: its base URL, without a slash at the end, and its name, if it has one."""

    url: str
    name: str | None = None

    @property
    def display_name(self) -> str:
        """How pages call the host where people know it."""
        return self.name or self.url

    @property
    def label(self) -> str:
        """How messages call the host."""
        return f"{self.name} ({self.url})" if self.name else self.url


@dataclass(frozen=True)
class Network:
    """All targets, each with its hosts; a host stands only once in a target."""

    targets: Mapping[str, tuple[Host, ...]]
    #: The options that name targets, for messages.
    source: str
    #: What other servers call this one; without it, none that signs is taken at its word.
    site_url: str | None
    #: By which other servers know this one; without it none can be asked.
    send_secret: str | None
    #: By which this server knows others; any of them is taken.
    receive_secrets: tuple[str, ...]
    #: Whether no secret is ever sent or taken in place of a signature.
    signed_only: bool
    #: Seconds that a server has to answer.
    timeout: float
    #: A verification that could not be told within this time is dropped.
    verify_max_age: timedelta

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Every host of every target, each once."""
        return tuple(dict.fromkeys(host for hosts in self.targets.values() for host in hosts))

    def hosts_of(self, targets: Iterable[str]) -> tuple[list[Host], list[str]]:
        """Return the hosts of the targets, each once, and an error for each target without any."""
        hosts: dict[Host, None] = {}
        errors = []
        for target in dict.fromkeys(targets):
            if target not in self.targets:
                errors.append(f"There is no target {target!r} in {self.source}.")
            elif not self.targets[target]:
                errors.append(f"The target {target!r} has no hosts in {self.source}.")
            else:
                hosts.update(dict.fromkeys(self.targets[target]))
        return list(hosts), errors

    def find(self, urls: Iterable[str]) -> list[Host]:
        """Return the hosts of those URLs; what is no host of a target is left out."""
        known = {host.url: host for host in self.hosts}
        return [known[url] for url in dict.fromkeys(urls) if url in known]


def read_network(config: Mapping[str, Any]) -> Network:
    """Return the hosts and targets of a configuration whose types are right.

    `timApp.util.errors.ConfigError`, a line that names the option and the place, for a name that
    is not known or used twice, and for a URL that nothing can be signed for.
    """
    for option, url in _urls(config):
        _require_address(option, url)
    network = config[_NETWORK]
    urls: dict[str, str] = {name: url.rstrip("/") for name, url in network.get("hosts", {}).items()}
    named = {url: Host(url, name) for name, url in reversed(urls.items())}
    groups = {
        group: _members(f"group {group}", members, {name: [name] for name in urls})
        for group, members in network.get("groups", {}).items()
    }
    _refuse_shared_names(urls, groups, "both a host and a group")
    known = {name: [name] for name in urls} | groups
    targets = {
        target: _members(f"target {target}", members, known)
        for target, members in network.get("targets", {}).items()
    }
    _refuse_shared_names(targets, config[_HOSTS], f"a target of {_HOSTS} as well")
    used = [option for option in (_HOSTS, _NETWORK) if config[option]] or [_HOSTS]
    return Network(
        targets={
            target: tuple(dict.fromkeys(_host(url.rstrip("/"), named) for url in entry["hosts"]))
            for target, entry in config[_HOSTS].items()
        }
        | {
            target: tuple(dict.fromkeys(named[urls[name]] for name in members))
            for target, members in targets.items()
        },
        source=" or ".join(used),
        site_url=config[_SITE_URL],
        send_secret=config["DIST_RIGHTS_SEND_SECRET"],
        receive_secrets=_all_of(config["DIST_RIGHTS_RECEIVE_SECRET"]),
        signed_only=config["DIST_RIGHTS_SIGNED_ONLY"],
        timeout=config["DIST_RIGHTS_TIMEOUT"],
        verify_max_age=timedelta(seconds=config["DIST_RIGHTS_VERIFY_MAX_AGE"]),
    )


def _urls(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every URL of a server, and the option it stands in."""
    if config[_SITE_URL] is not None:
        yield _SITE_URL, config[_SITE_URL]
    for target in config[_HOSTS].values():
        yield from ((_HOSTS, url) for url in target["hosts"])
    yield from ((_NETWORK, url) for url in config[_NETWORK].get("hosts", {}).values())


def _require_address(option: str, url: str) -> None:
    try:
        verify_request(sign_request(address_of(url, "/"), b"", "x"), ["x"])
    except (ValueError, InvalidSignature) as error:
        msg = f"{option}: {url} is no address at which a server could be called."
        raise ConfigError(one_line(msg), field=option) from error


def _all_of(secrets: list[str] | str | None) -> tuple[str, ...]:
    return (secrets,) if isinstance(secrets, str) else tuple(secrets or ())


def _host(url: str, named: Mapping[str, Host]) -> Host:
    return named.get(url) or Host(url)


def _members(whose: str, names: Iterable[str], known: Mapping[str, list[str]]) -> list[str]:
    """Return the names of the hosts that these names stand for."""
    members: list[str] = []
    for name in names:
        if name not in known:
            msg = f"{_NETWORK}: the {whose} has {name}, which is none of the hosts and groups."
            raise ConfigError(one_line(msg), field=_NETWORK)
        members += known[name]
    return members


def _refuse_shared_names(names: Iterable[str], others: Iterable[str], what: str) -> None:
    for name in names:
        if name in others:
            msg = f"{_NETWORK}: {name} is {what}; give one of them another name."
            raise ConfigError(one_line(msg), field=_NETWORK)
