"""Errors that a person can act on: a sentence, a status, and the field at fault, if any."""

from typing import ClassVar


class TimError(Exception):
    """An error with a sentence for the person who meets it.

    `text` is the sentence, in which ``%(name)s`` stands for the evidence of that name: what it is
    about, which one, why. It is also what translators translate; pages show it in the reader's
    language (`timApp.ui.language.words_of`). `message`, which `str()` gives too, has it in English.
    `field` names the input at fault, or is None. `status` is the HTTP status that answers a request
    ended by this error; the command line prints the message and exits with 1.
    """

    status: ClassVar[int] = 500

    def __init__(self, text: str, field: str | None = None, **evidence: object) -> None:
        super().__init__(text)
        self.text = text
        self.field = field
        self.evidence = evidence

    @property
    def message(self) -> str:
        """The sentence in English."""
        return self.text % self.evidence if self.evidence else self.text

    def __str__(self) -> str:
        return self.message


class BadInput(TimError):  # noqa: N818 - named after the answer it gives
    """A value that was given does not fit; `field` names it."""

    status = 422


class NotFound(TimError):  # noqa: N818
    """What was asked for does not exist."""

    status = 404


class AccessDenied(TimError):  # noqa: N818
    """The one who asks has no right to it."""

    status = 403


class Conflict(TimError):  # noqa: N818
    """The request collides with what is there already."""

    status = 409


class BadRequest(TimError):  # noqa: N818
    """The request cannot be carried out as it stands."""

    status = 400


class AskAgain(TimError):  # noqa: N818
    """Whoever asks may ask again after `retry_after` seconds."""

    def __init__(self, text: str, retry_after: int, **evidence: object) -> None:
        super().__init__(text, None, **evidence)
        self.retry_after = retry_after


class TooManyRequests(AskAgain):
    """Whoever asks has to wait before they ask again."""

    status = 429


class Busy(AskAgain):
    """There is too much to do."""

    status = 503


class ConfigError(TimError):
    """The site is set up wrongly; the message names the option or the file, never a secret."""

    status = 500
