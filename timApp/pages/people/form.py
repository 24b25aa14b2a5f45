"""The form in which an administrator makes an account, and changes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from timApp.accounts.account import Account
from timApp.accounts.change import Wanted
from timApp.util.errors import Conflict, TimError

#: The names of the fields.
PERSON_FIELDS = ("name", "real_name", "email", "groups")
#: Where the form says what operations say of an input.
_FIELDS_OF_INPUTS = {"group": "groups", "old": "name"}


@dataclass
class PersonForm:
    """What was filled in, and what is wrong with it."""

    #: What was filled in, by field.
    texts: dict[str, str] = field(default_factory=dict)
    #: The account that it changes, as it is now; None for a new one.
    account: Account | None = None
    #: Whether somebody else has changed the account since the form was shown.
    is_stale: bool = False
    #: What is wrong, by field; that of no field has the empty name.
    errors: dict[str, TimError] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows it."""
        if self.is_stale:
            return Conflict.status
        return next((error.status for error in self.errors.values()), 200)

    @property
    def wanted(self) -> Wanted:
        """What the account is to be."""
        lines = (line.strip() for line in self.texts.get("groups", "").splitlines())
        return Wanted(
            self.texts.get("name", ""),
            self.texts.get("real_name", ""),
            self.texts.get("email", ""),
            [line for line in dict.fromkeys(lines) if line],
        )

    def is_now(self, name: str) -> str | None:
        """Return what a field would say if the form was opened now, if that is not what it says."""
        if not self.is_stale or self.account is None:
            return None
        present = texts_of(self.account)[name]
        said = self.texts.get(name, "")
        return None if present.split("\n") == said.splitlines() or present == said else present

    def blame(self, error: TimError) -> None:
        """Keep an error of the operations beside its field, or above the form."""
        name = _FIELDS_OF_INPUTS.get(error.field or "", error.field or "")
        self.errors[name if name in PERSON_FIELDS else ""] = error


def texts_of(account: Account) -> dict[str, str]:
    """Return what the fields say of an account when nothing is typed."""
    return {
        "name": account.name,
        "real_name": account.real_name,
        "email": account.email,
        "groups": "\n".join(account.groups),
    }


def read_person(fields: Mapping[str, str], account: Account | None = None) -> PersonForm:
    """Return the form with these fields; of an account that is there, what is not sent stays."""
    texts = {} if account is None else texts_of(account)
    texts |= {name: fields[name].strip() for name in PERSON_FIELDS if name in fields}
    return PersonForm(texts, account)
