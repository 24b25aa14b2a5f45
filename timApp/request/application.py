"""The application around the site, where that lets people in itself."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request

#: Where it is in the environment of a request; no header gets there.
KEY = "timapp.application_login"
#: And the method of the application's request, in the place of which the site is asked.
METHOD_KEY = "timapp.method"
#: And the address of the application's first page.
HOME_KEY = "timapp.home"


@dataclass(frozen=True)
class ApplicationLogin:
    """Where people log in and out; paths of the application, from its server's root."""

    login: str
    #: Answers to GET. None: nobody knows.
    logout: str | None

    def address(self, next_page: str) -> str:
        """Return where somebody logs in who wants to go on to a page, if the application can."""
        mark = "&" if "?" in self.login else "?"
        return f"{self.login}{mark}{urlencode({'next': next_page})}" if next_page else self.login


def home_of_application() -> str | None:
    """Return the address of the first page of the application around the site; None for none."""
    home: str | None = request.environ.get(HOME_KEY)
    return home


def browsers_method() -> str:
    """Return by which method the browser asks, be it the application or the site."""
    method: str = request.environ.get(METHOD_KEY, request.method)
    return method


def application_login() -> ApplicationLogin | None:
    """Return that of the application around the site; None where people log in at the site."""
    found = request.environ.get(KEY)
    return found if isinstance(found, ApplicationLogin) else None


def offers_logout() -> bool:
    """Tell whether a page may offer to log out, so that it ends the login and not just a session.

    What ends a session alone helps nobody where the application still knows its person.
    """
    found = application_login()
    return found is None or found.logout is not None
