"""Guards a Flask application."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from flask import Flask, Response, current_app, g, request
from flask_login import current_user

from timApp.embed.site import OUR_LOGIN, EmbeddedSite, Environ, Look, OurLogin, Paths
from timApp.user.people import Identity

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

#: Whom the application takes the sender of the request for.
Who = Callable[[], Identity | None]
_EXTENSION, _LOOK = "timapp_sessions", "_timapp_look"


def flask_login_user() -> Identity | None:
    """Return who is logged in by Flask-Login: by ``name`` or ``username``, or else ``get_id()``.

    ``real_name``, ``email`` and the names of ``groups`` are taken, too, where the application's
    people have them.
    """
    user: Any = current_user
    if not user.is_authenticated:
        return None
    name = getattr(user, "name", None) or getattr(user, "username", None) or user.get_id()
    groups = getattr(user, "groups", None)
    return Identity(
        str(name),
        getattr(user, "real_name", None),
        getattr(user, "email", None),
        None if groups is None else frozenset(str(getattr(one, "name", one)) for one in groups),
    )


def current_name() -> str | None:
    """Return the name of whose session it is; None before anybody has one."""
    look: Look | None = g.get(_LOOK)
    return look and look.name


class UserSessions:
    """An extension: `UserSessions(app)`, or `init_app` later.

    Whoever the application lets in has a session; who has too many is shown the blocked page in the
    place of each answer until a supervisor verifies them. Whoever logs out, or is forgotten, has
    none any more. The pages are below `prefix`. Static files are not guarded.
    """

    def __init__(
        self,
        app: Flask | None = None,
        who: Who | None = None,
        options: Mapping[str, object] | None = None,
        **paths: Unpack[Paths],
    ) -> None:
        """`who` says whom the application takes the sender of the request for.

        Without it, Flask-Login says so, where the application has that; else people log in at
        timApp's own page, and `current_name` says who they are. `options` and `paths` are
        as in `timApp.embed.site.EmbeddedSite`.
        """
        self._who, self._options, self._paths = who, options, paths
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Guard this application."""
        site = EmbeddedSite(self._options, **self._paths)
        app.extensions[_EXTENSION] = site
        inner = app.wsgi_app

        def dispatch(environ: Environ, start_response: "StartResponse") -> Iterable[bytes]:
            answer: Iterable[bytes]
            if site.is_page(environ.get("PATH_INFO", "")):
                answer = site.pages(environ, start_response, has_login=self._has_login(app))
            else:
                answer = inner(environ, start_response)
            return answer

        app.wsgi_app = dispatch  # type: ignore[method-assign]
        # Before all others: nothing is read or changed for whoever is blocked.
        app.before_request_funcs.setdefault(None, []).insert(0, self._look)
        app.after_request(self._look_again)

    def _look(self) -> Response | None:
        if request.endpoint is not None and request.endpoint.rpartition(".")[2] == "static":
            return None
        look = embedded_site().look(request.environ, self._asked())
        setattr(g, _LOOK, look)
        if look.answer is None:
            return None
        return Response(look.answer.body, look.answer.status, look.answer.headers)

    def _look_again(self, response: Response) -> Response:
        look: Look | None = g.get(_LOOK)
        if look is None or look.answer is not None:
            return response
        for name, value in embedded_site().look_again(request.environ, look, self._asked()):
            response.headers.add(name, value)
        return response

    def _asked(self) -> Identity | OurLogin | None:
        if self._who is not None:
            return self._who()
        return flask_login_user() if self._has_login(current_app) else OUR_LOGIN

    def _has_login(self, app: Flask) -> bool:
        return self._who is not None or hasattr(app, "login_manager")


def embedded_site() -> EmbeddedSite:
    """Return what guards the current application."""
    site: EmbeddedSite = current_app.extensions[_EXTENSION]
    return site
