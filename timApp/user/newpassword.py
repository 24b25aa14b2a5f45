"""What a new password may be: long enough, and not easy to guess."""

from zxcvbn_rs_py import zxcvbn

from timApp.user.password import check_password
from timApp.util.errors import BadInput
from timApp.util.names import key_of

#: Shortest new password, in characters.
PASSWORD_MIN_LENGTH = 8
#: How many guesses have to be needed at least, as the logarithm to the base 10.
_GUESSES_MIN = 8
#: So many characters are looked at for it; to look at many takes long.
_LOOKED_AT = 40


def check_new_password(password: str, name: str, *others: str) -> str:
    """Return the password if it may be the new one of the person of that name.

    `others` are words that come to mind with the person: their real name and email. `BadInput`
    (field ``password``) for what `check_password` refuses, for fewer than `PASSWORD_MIN_LENGTH`
    characters, for the name itself, and for one that is among the first hundred million
    that somebody would try, as zxcvbn estimates it: common ones, words, dates, rows of keys.
    """
    check_password(password)
    if len(password) < PASSWORD_MIN_LENGTH:
        raise BadInput(
            "The password is shorter than %(num)d characters.",
            field="password",
            num=PASSWORD_MIN_LENGTH,
        )
    if key_of(password) == key_of(name):
        raise BadInput("The password must not be the user name.", field="password")
    known = [text for text in (name, *others) if text]
    if zxcvbn(password[:_LOOKED_AT], user_inputs=known).guesses_log10 < _GUESSES_MIN:
        raise BadInput(
            "The password is easy to guess. Take several words that have nothing to do with each"
            " other, say.",
            field="password",
        )
    return password
