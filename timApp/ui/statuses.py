"""What the statuses of HTTP mean, in the words of pages."""

from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import default_exceptions
from werkzeug.http import HTTP_STATUS_CODES


@dataclass(frozen=True)
class Status:
    """The name of a status, and a sentence on it, in the reader's language."""

    name: LazyString | str
    sentence: LazyString | str


_STATUSES = {
    400: Status(_("Bad request"), _("The browser sent something that this server cannot read.")),
    401: Status(_("Not logged in"), _("Log in first, or ask with a token that is good.")),
    403: Status(_("Not allowed"), _("You have no right to do this.")),
    404: Status(_("Not found"), _("There is no such page. Check the address.")),
    405: Status(
        _("Not possible like this"), _("This address cannot be opened or sent to like this.")
    ),
    409: Status(_("Conflict"), _("This does not fit with what is there already.")),
    413: Status(_("Too large"), _("What was sent is too large for this server.")),
    415: Status(_("Unknown format"), _("What was sent has a format that is not known here.")),
    422: Status(_("Wrong input"), _("What was sent cannot be used as it is.")),
    429: Status(_("Too many requests"), _("Wait a moment, then try again.")),
    500: Status(
        _("Server error"), _("Something went wrong on this server. The details are in its log.")
    ),
    503: Status(
        _("Not available"), _("The database cannot be reached right now; try again in a moment.")
    ),
}


def status_of(code: int) -> Status:
    """Return what a page says of a status; one that is not common goes by its English name."""
    known = _STATUSES.get(code)
    if known is not None:
        return known
    name = HTTP_STATUS_CODES.get(code, "Error")
    exception = default_exceptions.get(code)
    return Status(name, (exception and exception.description) or name)
