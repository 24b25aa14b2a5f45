"""The small application of `tests.embed.hosts` in Django, with its own authentication."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import django
import httpx
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model, login, logout
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.embed.hosts import LOGIN, LOGOUT, OPEN, SUPERVISOR, Guest
from timApp.embed.django import UserSessions
from timApp.embed.site import EmbeddedSite
from timApp.user.usergroup import SUPERVISOR_GROUP

_asked: list[str] = []


def index(request: HttpRequest) -> HttpResponse:
    """Say who somebody is."""
    return HttpResponse(f"Hello, {request.user.get_username() or None}.")


def let_in(request: HttpRequest) -> HttpResponse:
    """Let somebody in, whom Django remembers in its own table."""
    name = request.GET["name"]
    user, _ = get_user_model().objects.get_or_create(
        username=name, defaults={"first_name": name.title()}
    )
    if name == SUPERVISOR:
        groups = apps.get_model("auth", "Group").objects
        user.groups.add(groups.get_or_create(name=SUPERVISOR_GROUP)[0])
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    return HttpResponse("in")


def log_out(request: HttpRequest) -> HttpResponse:
    """Log out as Django does."""
    logout(request)
    return HttpResponse("out")


def forget(request: HttpRequest) -> HttpResponse:
    """Drop the session, without a word to whoever listens."""
    request.session.flush()
    return HttpResponse("forgotten")


def echo(request: HttpRequest) -> HttpResponse:
    """Send back what came."""
    return HttpResponse(request.body)


urlpatterns = [
    path("", index),
    *(path(view.__name__, view) for view in (echo, forget)),
    path("in", let_in),
    path("out", log_out),
]


class Sessions(UserSessions):
    """The middleware, which Django makes, for tests to close what it has opened."""

    made: ClassVar[list[EmbeddedSite]] = []

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self.made.append(self.site)


def noting(get_response):  # type: ignore[no-untyped-def]
    """Note what got to the application."""

    def note(request: HttpRequest) -> HttpResponse:
        _asked.append(request.path_info)
        return get_response(request)

    return note


def django_guest(options: Mapping[str, object], folder: Path) -> Guest:
    """Django with its authentication and sessions in a database of its own."""
    if not settings.configured:
        settings.configure(
            SECRET_KEY="the application's own",
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=__name__,
            INSTALLED_APPS=[
                "django.contrib.auth",
                "django.contrib.contenttypes",
                "django.contrib.sessions",
            ],
            MIDDLEWARE=[
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "tests.embed.django_guest.Sessions",
                "tests.embed.django_guest.noting",
            ],
            DATABASES={
                "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.db"}
            },
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        )
        django.setup()
        call_command("migrate", verbosity=0)
    settings.TIMAPP = dict(options)
    settings.TIMAPP_OPEN_TO_BLOCKED = OPEN
    settings.TIMAPP_LOGIN, settings.TIMAPP_LOGOUT = LOGIN, LOGOUT
    _asked.clear()
    handler = WSGIHandler()
    return Guest(httpx.WSGITransport(app=handler), Sessions.made.pop(), _asked)
