"""What can be wrong with a call."""


class ApiError(Exception):
    """Nothing came of a call; the text says why, for people."""


class Unreachable(ApiError):  # noqa: N818 - named after what was found
    """The server did not answer, or what answered is no server of timApp.

    Whether a change was made is not known: the answer may have been lost. Each change of this API
    can be sent again, and comes to the same.
    """


class Refused(ApiError):  # noqa: N818
    """The server refused, and changed nothing."""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        #: Of HTTP: 401 for a token that is good no more, 403 for one whose scope is too narrow,
        #: 404 for what is not there, 409, 422, 429, 503.
        self.status = status
        #: What of the call was at fault, such as ``session_id``; None if nothing is said of that.
        self.field = field
