"""Django with django-qsessions, whose sessions know their person, address and browser."""

from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from sqlalchemy.engine import make_url

from bench.apps import KEY, PATH, database_url, people, print_cookies


def create_app() -> WSGIHandler:
    """Return an application whose page asks for the person behind the session."""
    _set_up()
    return WSGIHandler()


def _set_up() -> None:
    settings.configure(
        SECRET_KEY=KEY,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "qsessions"],
        MIDDLEWARE=[
            "qsessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        SESSION_ENGINE="qsessions.backends.db",
        DATABASES={"default": _database()},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()


def _database() -> dict[str, Any]:
    url = make_url(database_url())
    # Connections are kept, as those of the others are.
    if url.get_backend_name() == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.database,
            "CONN_MAX_AGE": None,
            "OPTIONS": {"timeout": 30, "init_command": "PRAGMA journal_mode = WAL"},
        }
    host = url.query.get("host", url.host)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username,
        "PASSWORD": url.password or "",
        "HOST": host,
        "PORT": str(url.port or ""),
        "CONN_MAX_AGE": None,
    }


def _guarded(request: Any) -> HttpResponse:
    if not request.user.is_authenticated:
        return HttpResponse("nobody", status=403)
    return HttpResponse(f"{request.user.pk}", content_type="text/plain")


urlpatterns = [path(PATH.removeprefix("/"), _guarded)]


def prepare() -> list[str]:
    """Make the tables, log people in, and return their cookies."""
    _set_up()
    from django.contrib.auth.models import User  # noqa: PLC0415 - only after the setting up

    call_command("migrate", verbosity=0)
    cookies = []
    for person in range(1, people() + 1):
        user = User.objects.create(username=f"user{person}")
        # Qsessions compares browser and address with those of the login, and writes down a change.
        client = Client(HTTP_USER_AGENT="Firefox", REMOTE_ADDR="127.0.0.1")
        client.force_login(user)
        client.get(PATH)
        cookies.append(f"sessionid={client.cookies['sessionid'].value}")
    return cookies


if __name__ == "__main__":
    print_cookies(prepare)
