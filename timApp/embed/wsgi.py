"""Guards any WSGI program."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from timApp.embed.site import OUR_LOGIN, EmbeddedSite, Environ, Headers, OurLogin, Paths
from timApp.user.people import Identity

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

#: By these a program is told who asks; from outside none of them gets there.
_TOLD = (
    *("REMOTE_USER", "HTTP_REMOTE_USER", "HTTP_REMOTE_NAME", "HTTP_REMOTE_GROUPS"),
    "HTTP_REMOTE_EMAIL",
)
#: Whom the program takes the sender of a request for, by its environment.
Who = Callable[[Environ], Identity | None]


def guarded(
    program: "WSGIApplication",
    who: Who | None = None,
    options: Mapping[str, object] | None = None,
    **paths: Unpack[Paths],
) -> "Guarded":
    """Return the program, which only those reach whose session is valid.

    `who` says whom the program takes the sender of a request for; without it, people log in at
    timApp's own page, and ``REMOTE_USER`` says who they are. `options` and `paths` are as in
    `timApp.embed.site.EmbeddedSite`.
    """
    return Guarded(program, EmbeddedSite(options, **paths), who)


class Guarded:
    """A WSGI program that is guarded; `site` is what guards it."""

    def __init__(self, program: "WSGIApplication", site: EmbeddedSite, who: Who | None) -> None:
        self.site = site
        self._program = program
        self._has_login = who is not None
        self._who: Callable[[Environ], Identity | OurLogin | None] = who or (lambda _: OUR_LOGIN)

    def __call__(self, environ: Environ, start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request: the page, the blocked page, or what the program answers."""
        if self.site.is_page(environ.get("PATH_INFO", "")):
            answer: Iterable[bytes] = self.site.pages(
                environ, start_response, has_login=self._has_login
            )
            return answer
        for name in () if self._has_login else _TOLD:
            environ.pop(name, None)
        look = self.site.look(environ, self._who(environ))
        if look.answer is not None:
            start_response(look.answer.status, look.answer.headers)
            return [look.answer.body]
        if not self._has_login:
            environ["REMOTE_USER"] = look.name

        cookies: list[Headers] = []

        def start(status: str, headers: Headers, *rest: Any) -> Any:
            if not cookies:  # a program may begin its answer anew, after an error
                cookies.append(self.site.look_again(environ, look, self._who(environ)))
            return start_response(status, [*headers, *cookies[0]], *rest)

        return self._program(environ, start)
