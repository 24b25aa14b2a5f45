"""The targets that a supervisor's form says are to be told."""

from flask import request

from timApp.auth.site import current_site
from timApp.util.errors import BadInput
from timApp.util.text import quoted


def read_targets() -> list[str]:
    """Return the names of the targets in the request's form.

    `BadInput` (field ``target``) for one that is not in the configuration.
    """
    targets = request.form.getlist("target")
    for target in targets:
        if target not in current_site().network.targets:
            raise BadInput(
                "Nothing was changed: there is no target %(target)s.",
                field="target",
                target=quoted(target),
            )
    return targets
