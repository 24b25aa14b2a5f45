"""Guards a Django project: put ``timApp.embed.django.UserSessions`` behind Django's authentication.

``TIMAPP = {...}`` in the settings has the options of `timApp.defaultconfig`, by name, and
``TIMAPP_PREFIX`` what the pages are below, ``/_timapp`` if it is not said;
``TIMAPP_OPEN_TO_BLOCKED``, ``TIMAPP_LOGIN`` and ``TIMAPP_LOGOUT`` are as in
`timApp.embed.site.EmbeddedSite`. In a project without Django's authentication people log in at
timApp's own page.
"""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from werkzeug.test import run_wsgi_app

from timApp.embed.site import OUR_LOGIN, PREFIX, EmbeddedSite, Headers, OurLogin, Paths
from timApp.user.people import Identity


class UserSessions:
    """A middleware. ``request.timapp_name`` says whose session it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Django makes it once."""
        self._get_response = get_response
        paths = Paths(
            prefix=getattr(settings, "TIMAPP_PREFIX", PREFIX),
            open_to_blocked=getattr(settings, "TIMAPP_OPEN_TO_BLOCKED", ()),
            login=getattr(settings, "TIMAPP_LOGIN", None),
            logout=getattr(settings, "TIMAPP_LOGOUT", None),
        )
        self.site = EmbeddedSite(getattr(settings, "TIMAPP", {}), **paths)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request: the page, the blocked page, or what the project answers."""
        environ = dict(request.META)
        if self.site.is_page(request.path_info):
            environ["wsgi.input"] = BytesIO(request.body)
            pages = partial(self.site.pages, has_login=hasattr(request, "user"))
            chunks, status, headers = run_wsgi_app(pages, environ, buffered=True)
            return _response(status, headers.to_wsgi_list(), b"".join(chunks))
        before = self.site.look(environ, _who(request))
        if before.answer is not None:
            return _response(*before.answer)
        request.timapp_name = before.name
        response = self._get_response(request)
        _add(response, self.site.look_again(environ, before, _who(request)))
        return response


def _who(request: HttpRequest) -> Identity | OurLogin | None:
    if not hasattr(request, "user"):
        return OUR_LOGIN
    user: Any = request.user
    if not user.is_authenticated:
        return None
    groups = frozenset(user.groups.values_list("name", flat=True))
    return Identity(user.get_username(), user.get_full_name(), user.email, groups)


def _response(status: str, headers: Headers, body: bytes) -> HttpResponse:
    code, _, reason = status.partition(" ")
    response = HttpResponse(body, status=int(code), reason=reason)
    is_cookie = [name.lower() == "set-cookie" for name, _ in headers]
    for (name, value), is_one in zip(headers, is_cookie, strict=True):
        if not is_one:
            response.headers[name] = value
    _add(response, [pair for pair, is_one in zip(headers, is_cookie, strict=True) if is_one])
    return response


def _add(response: HttpResponseBase, cookies: Headers) -> None:
    for _, value in cookies:
        response.cookies.load(value)
