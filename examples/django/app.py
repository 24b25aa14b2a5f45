"""A Django project in one file that is guarded: people log in at timApp's page."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.html import format_html

settings.configure(
    SECRET_KEY="change me",  # noqa: S106 - an example
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["timApp.embed.django.UserSessions"],
)


def index(request: HttpRequest) -> HttpResponse:
    """Greet whoever is let in."""
    return HttpResponse(format_html("<h1>Hello, {}.</h1>", request.timapp_name))


urlpatterns = [path("", index)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
