"""What is said of a change of several sessions once it is made."""

from collections.abc import Sequence

from flask import flash
from flask_babel import gettext, ngettext

from timApp.guard.changes.change import Receipt
from timApp.guard.rules.verification import LeftOut, WhyNot
from timApp.guard.vocabulary import Action
from timApp.util.text import quoted

#: So many people are named of those whose sessions were left out.
_MAX_NAMED = 3


def tell(receipt: Receipt) -> None:
    """Let the next page say what was done, and which sessions it was not done to."""
    flash(done_words(receipt), "success")
    for words in left_out_words(receipt.left_out):
        flash(words, "warning")


def done_words(receipt: Receipt) -> str:
    """Return what was done."""
    ended = receipt.ended or 0
    match receipt.change.action:
        case Action.VERIFY:
            return _verified_words(receipt.picked, ended)
        case Action.END:
            if not ended:
                return str(gettext("Nothing was changed: what you selected was over already."))
            return str(ngettext("%(num)s session is ended.", "%(num)s sessions are ended.", ended))
        case _:
            if not ended:
                return str(gettext("Nothing was changed: what you selected was expired already."))
            invalidated = ngettext(
                "%(num)s session was invalidated.", "%(num)s sessions were invalidated.", ended
            )
            return str(invalidated)


def left_out_words(left_out: Sequence[LeftOut]) -> list[str]:
    """Return which sessions were left out, and why; a sentence for each reason."""
    gone = [one for one in left_out if one.why is WhyNot.GONE]
    logged_out = [one for one in left_out if one.why is WhyNot.LOGGED_OUT]
    earlier = [one for one in left_out if one.why is WhyNot.LATER_ONE]
    words = []
    if gone:
        words.append(
            ngettext(
                "%(num)s session is not there any more.",
                "%(num)s sessions are not there any more.",
                len(gone),
            )
        )
    if logged_out:
        words.append(
            ngettext(
                "%(num)s session is not verified, as it is logged out: of %(names)s.",
                "%(num)s sessions are not verified, as they are logged out: of %(names)s.",
                len(logged_out),
                names=_names(logged_out),
            )
        )
    if earlier:
        words.append(
            ngettext(
                "%(num)s session is not verified, as a later one of the same person is: of"
                " %(names)s.",
                "%(num)s sessions are not verified, as later ones of the same people are: of"
                " %(names)s.",
                len(earlier),
                names=_names(earlier),
            )
        )
    return list(map(str, words))


def _verified_words(picked: int, ended: int) -> str:
    verified = ngettext(
        "%(num)s session is verified.", "%(num)s sessions of as many people are verified.", picked
    )
    expired = ngettext(
        "%(num)s other session has expired.",
        "%(num)s other sessions have expired.",
        ended,
    )
    return f"{verified} {expired}" if ended else str(verified)


def _names(some: Sequence[LeftOut]) -> str:
    names = list(dict.fromkeys(quoted(one.user_name or "") for one in some))
    more = [] if len(names) <= _MAX_NAMED else ["…"]
    return ", ".join(names[:_MAX_NAMED] + more)
