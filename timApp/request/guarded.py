"""The hosts that the gate guards, and what each of them opens to whom."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from flask import Flask

from timApp.util.origin import origin_of

#: Where an application keeps them, among its extensions.
_KEY = "timapp.guarded_hosts"
#: Where whoever is blocked is told why, and led on from when they are verified.
BLOCKED_PATH = "/gate/blocked"
#: What a path pattern ends with that stands for all below it.
_ANY = "*"
#: What another program may understand otherwise than we do.
#: U+FFFD is what bytes become that are no UTF-8.
_AMBIGUOUS = re.compile(r"//|/\.\.?(/|$)|[\\;\0-\x1f\x7f\ufffd]")


@dataclass(frozen=True)
class GuardedHost:
    """A host, by its origin, with its rules; see `timApp.defaultconfig.GUARDED_HOSTS`."""

    origin: str
    #: Whose members may pass; everybody who is logged in, if there is none.
    groups: frozenset[str] = frozenset()
    #: Paths that are open to everybody.
    open: tuple[str, ...] = ()
    #: Paths that are open to whoever is logged in, also with a blocked session.
    open_to_blocked: tuple[str, ...] = ()
    #: The title of the exam to which it belongs; None for none.
    exam: str | None = None

    def is_open(self, path: str) -> bool:
        """Tell whether the path is open to everybody."""
        return is_below(path, self.open)

    def is_open_to_blocked(self, path: str) -> bool:
        """Tell whether the path is open to whoever is blocked."""
        return is_below(path, self.open_to_blocked)


@dataclass(frozen=True)
class GuardedHosts:
    """All hosts that the gate guards."""

    hosts: Mapping[str, GuardedHost] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Mapping[str, Mapping[str, Any]]) -> "GuardedHosts":
        """Return those of the option's table."""
        hosts = {}
        for address, rules in table.items():
            origin = origin_of(address)
            if origin is None:  # refused at the start
                continue
            hosts[origin] = GuardedHost(
                origin,
                frozenset(rules.get("groups", ())),
                tuple(rules.get("open", ())),
                tuple(rules.get("open_to_blocked", ())),
                rules.get("exam"),
            )
        return cls(hosts)

    def find(self, address: str) -> GuardedHost | None:
        """Return the host of a whole address, or None if it is none of these."""
        # Most sites guard none, and are asked at each cookie that they set.
        origin = origin_of(address) if self.hosts else None
        return None if origin is None else self.hosts.get(origin)


def add_guarded_hosts(app: Flask) -> GuardedHosts:
    """Keep those of the application's options with it, and return them."""
    app.extensions[_KEY] = GuardedHosts.of(app.config["GUARDED_HOSTS"])
    return guarded_hosts(app)


def guarded_hosts(app: Flask) -> GuardedHosts:
    """Return the hosts that the application guards."""
    hosts: GuardedHosts = app.extensions[_KEY]
    return hosts


def is_below(path: str, patterns: Collection[str]) -> bool:
    """Tell whether a path, without its query, is one of the patterns, such as ``/public/*``.

    A path that another program might read as another one is none of them.
    """
    if not patterns or "%2f" in path.lower():
        return False
    return is_plainly_below(unquote(path), patterns)


def is_plainly_below(plain: str, patterns: Collection[str]) -> bool:
    """Tell the same of a path that is decoded already."""
    if _AMBIGUOUS.search(plain) or "%" in plain:
        return False
    return any(
        plain.startswith(one[: -len(_ANY)]) if one.endswith(_ANY) else plain == one
        for one in patterns
    )
