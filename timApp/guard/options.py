"""What a site chooses about its guard."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from timApp.guard.rules.admission import limit_of
from timApp.guard.rules.clocks import NEVER, Clocks
from timApp.guard.rules.policy import DEFAULT_POLICY, Policy
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP


@dataclass(frozen=True)
class GuardOptions:
    """The options of a guard; those of a site are in `timApp.defaultconfig`, by longer names."""

    #: Whether logins are tracked; if not, everybody passes and nothing is written.
    tracks_sessions: bool = True
    #: How many active sessions a person may have; None means any number.
    limit: int | None = 1
    #: The same for the members of a group; of several, the most generous one counts.
    limits_of_groups: Mapping[str, int | None] = field(
        default_factory=lambda: {SUPERVISOR_GROUP: None}
    )
    #: For how long all is kept of a session; see `timApp.guard.keeping.retention`. None means for
    #: ever.
    retention: timedelta | None = None
    #: What becomes of logins of people who are logged in already, or were ended.
    policy: Policy = DEFAULT_POLICY
    #: What ends sessions by the clock.
    clocks: Clocks = NEVER
    #: After how long a cookie gets a new number, so that a copy of it is noticed; at least
    #: 20 seconds, in which all that was on its way arrives. None means never.
    token_renewal: timedelta | None = timedelta(minutes=1)
    #: The groups of which everybody has a passkey, or may do nothing until they have.
    second_factor_groups: frozenset[str] = frozenset()

    def limit_for(self, name: str, groups: Collection[str]) -> int | None:
        """Return how many active sessions a person of that name and those groups may have.

        A limit may be said of one person by their name, which is that of their own group. Whoever
        is called like one of the site's own groups has nothing by that.
        """
        own = {name} - {ADMIN_GROUP, SUPERVISOR_GROUP}
        return limit_of(own.union(groups), self.limits_of_groups, self.limit)
