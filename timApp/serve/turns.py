"""Few requests at a time, whichever of the server's threads they come from."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from timApp.util.turns import Turns

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class TakingTurns:
    """A WSGI application of which a few requests are worked on at a time.

    Others wait. An answer that is sent piece by piece needs no turn for that.
    """

    def __init__(self, application: "WSGIApplication", count: int) -> None:
        self._application = application
        self._turns = Turns(count)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer the request when its turn has come."""
        self._turns.take()
        try:
            return self._application(environ, start_response)
        finally:
            self._turns.give()
