"""A form of another site's page is sent again by a page of ours.

To the first one a browser shows none of its cookies (`SameSite=Lax`), so nobody could see who is
logged in there, and as which device it is known; to the second one it does. The first one changes
nothing.
"""

from collections.abc import Iterable

from flask import render_template, request

#: What the form has besides when our page sends it.
AGAIN = "again"


def is_sent_again() -> bool:
    """Tell whether our page has sent the form of this request."""
    return bool(request.form.get(AGAIN))


def send_again(names: Iterable[str]) -> str:
    """Return the page that sends the fields of these names again, to the same address."""
    fields = [(name, request.form[name]) for name in names if name in request.form]
    return render_template("send_again.html", fields=[*fields, (AGAIN, "yes")])
