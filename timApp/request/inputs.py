"""What each view knows of what a request may say; a request that says more is refused.

Nothing that a caller says is silently ignored: a misspelt session id would verify another session.
So a view knows nothing unless it declares it, and this one check, before each request, answers 422
for all that is not declared, and for what is said twice.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from flask import Request, current_app, request
from webargs.flaskparser import abort
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, UnprocessableEntity, UnsupportedMediaType

from timApp.util.limits import FORM_TYPE, PARTS_TYPE

_View = TypeVar("_View", bound=Callable[..., object])

_MARK = "_inputs"
#: Where a request keeps what its body says, and what its view is.
_PARSED, _VIEW = "timapp.fields", "timapp.view"
#: Every form of ours has it; `timApp.auth.csrf` reads it.
CSRF_FIELD = "csrf_token"
_UNKNOWN = "Unknown field."
_REPEATED = "Given more than once."
_CONTRADICTING = "The address and the body do not say the same."
_FORMS = frozenset((FORM_TYPE, PARTS_TYPE))
_NO_BODY = "Nothing is taken in a body here."


@dataclass(frozen=True)
class Inputs:
    """The names that a view knows."""

    #: In the address, after the question mark.
    query: frozenset[str] = frozenset()
    #: Those of the address that may be there more than once.
    repeated_query: frozenset[str] = frozenset()
    #: In the body.
    body: frozenset[str] = frozenset()
    #: Those of the body's that may be there more than once.
    repeated: frozenset[str] = frozenset()
    #: Whether the body may be a JSON object; a form it may be in any case.
    takes_json: bool = False
    #: Files in it: then it is a form in parts.
    files: frozenset[str] = frozenset()
    #: Whether what is said is for somebody else, who is asked about here.
    passes_on: bool = False

    def __or__(self, other: "Inputs") -> "Inputs":
        """Return what is known by either."""
        return Inputs(
            self.query | other.query,
            self.repeated_query | other.repeated_query,
            self.body | other.body,
            self.repeated | other.repeated,
            self.takes_json or other.takes_json,
            self.files | other.files,
            self.passes_on or other.passes_on,
        )


_NOTHING = Inputs()


def takes(
    *,
    query: Collection[str] = (),
    repeated_query: Collection[str] = (),
    form: Collection[str] = (),
    repeated: Collection[str] = (),
    json: bool = False,
    files: Collection[str] = (),
) -> Callable[[_View], _View]:
    """Let a view know these names in the address and in a form, or (`json`) in a JSON object.

    Those in `repeated_query` and `repeated` may be in the address and in the form more than once.
    The CSRF token is known in every form. With `files`, which come once each, the form is one in
    parts.
    """
    several, of_query, in_parts = map(frozenset, (repeated, repeated_query, files))
    inputs = Inputs(
        frozenset(query) | of_query,
        of_query,
        frozenset(form) | several | in_parts,
        several,
        takes_json=json,
        files=in_parts,
    )
    return lambda view: declare(view, inputs)


def passes_on(view: _View) -> _View:
    """Let a view be asked with whatever others are asked with; it reads none of that."""
    return declare(view, Inputs(passes_on=True))


def declare(view: _View, inputs: Inputs) -> _View:
    """Let a view know these, beside what it knows already; return the view."""
    setattr(view, _MARK, inputs_of(view) | inputs)
    return view


def inputs_of(view: Callable[..., object]) -> Inputs:
    """Return what a view knows."""
    inputs: Inputs = getattr(view, _MARK, _NOTHING)
    return inputs


def current_request() -> Request:
    """Return the request itself, for what each request is asked.

    A look through Flask's proxy takes longer than most of what is looked at.
    """
    asked: Request = request._get_current_object()  # type: ignore[attr-defined]
    return asked


def current_view() -> Callable[..., object] | None:
    """Return the view of the request; None if there is none, and for static files.

    Static files, ours and those of extensions, tell nothing about anybody and change nothing.
    """
    asked = current_request()
    environ = asked.environ
    if _VIEW not in environ:  # asked several times by each request
        rule = asked.url_rule
        if rule is None or is_for_static_file(asked):
            environ[_VIEW] = None
        else:
            environ[_VIEW] = current_app.view_functions.get(rule.endpoint)
    view: Callable[..., object] | None = environ[_VIEW]
    return view


def is_for_static_file(asked: Request) -> bool:
    """Tell whether a static file is asked for, of ours or of an extension."""
    rule = asked.url_rule
    return rule is not None and rule.endpoint.rpartition(".")[2] == "static"


def takes_files() -> bool:
    """Tell whether the view of the request takes a form in parts."""
    view = current_view()
    return view is not None and bool(inputs_of(view).files)


def may_have_body(asked: Request) -> bool:
    """Tell whether a request says that a body comes with it; that may be empty all the same."""
    environ = asked.environ
    return bool(environ.get("CONTENT_LENGTH")) or "HTTP_TRANSFER_ENCODING" in environ


def check_inputs() -> None:
    """Refuse a request that says what its view does not know; for `Flask.before_request`.

    422 for unknown names in the address or the body, for those given twice, for those of which the
    address says one thing and the body another, for a body where none is taken (with GET nowhere),
    and for JSON that is no object; 400 for JSON that cannot be read, 415 for a body of another
    kind. Empty texts and null count as not given.
    """
    view = current_view()
    asked = current_request()
    if view is None or asked.method == "OPTIONS":
        return
    known = inputs_of(view)
    if known.passes_on:
        return
    query = dict(asked.args.lists()) if asked.query_string else {}
    if query:
        _check("query", query, known.query, known.repeated_query)
    if asked.method in {"GET", "HEAD"}:
        if may_have_body(asked) and asked.get_data(cache=True):
            _refuse("body", {"": [_NO_BODY]})
        return
    body = _fields(known)
    known_in_body = known.body | {CSRF_FIELD} if request.mimetype in _FORMS else known.body
    if request.is_json and not known.takes_json:
        known_in_body = frozenset()
    _check("body", body, known_in_body, known.repeated)
    contradicting = [
        name for name in query.keys() & body.keys() if _differ(query[name][0], body[name][0])
    ]
    if contradicting:
        _refuse("body", {name: [_CONTRADICTING] for name in contradicting})


def read_body() -> dict[str, Any]:
    """Return what the body says: the members of its JSON object, or the fields of its form.

    Without the CSRF token. A request that `check_inputs` has let through says each thing once.
    `BadRequest` for JSON that cannot be read, `UnsupportedMediaType` for a body of another kind,
    `UnprocessableEntity` for JSON that is no object.
    """
    fields = {name: values[-1] for name, values in _parsed_fields()}
    if request.mimetype == FORM_TYPE:
        fields.pop(CSRF_FIELD, None)
    return fields


def _fields(known: Inputs) -> dict[str, list[Any]]:
    """Return the values of the body by name."""
    try:
        return dict(_parsed_fields())
    except (BadRequest, UnsupportedMediaType):
        if known.body:
            raise
        _refuse("body", {"": [_NO_BODY]})


def _parsed_fields() -> Sequence[tuple[str, list[Any]]]:
    """Return the values of the body by name, parsed once a request.

    Raises what `read_body` does.
    """
    fields: Sequence[tuple[str, list[Any]]] | None = request.environ.get(_PARSED)
    if fields is None:
        fields = request.environ[_PARSED] = tuple(_parse_fields())
    return fields


def _parse_fields() -> Iterable[tuple[str, list[Any]]]:
    if request.is_json:
        return _json_members(request.get_data(cache=True))
    if request.mimetype == FORM_TYPE:
        return request.form.lists()
    if request.mimetype == PARTS_TYPE and takes_files():
        return [*request.form.lists(), *request.files.lists()]
    if request.get_data(cache=True):
        msg = "The body must be JSON (Content-Type: application/json) or a form."
        raise UnsupportedMediaType(msg)
    return ()


def _json_members(body: bytes) -> Iterable[tuple[str, list[Any]]]:
    """Return the members of the JSON object; a name that stands in it twice has two values."""
    if not body:
        return ()
    try:
        content = current_app.json.loads(body.decode(), object_pairs_hook=MultiDict)
    except (RecursionError, ValueError):  # also nested too deeply, or with too long a number
        raise BadRequest("The JSON in the body cannot be read.") from None
    if not isinstance(content, MultiDict):
        _refuse("json", {"": ["The body must be a JSON object."]})
    return content.lists()


def _check(
    location: str,
    given: Mapping[str, list[Any]],
    known: frozenset[str],
    repeated: frozenset[str] = frozenset(),
) -> None:
    faults = {name: [_UNKNOWN] for name in given if name not in known}
    if not faults:
        faults = {
            name: [_REPEATED]
            for name, values in given.items()
            if len(values) > 1 and name not in repeated
        }
    if faults:
        _refuse(location, faults)


def _differ(first: object, second: object) -> bool:
    return first != second and first not in ("", None) and second not in ("", None)


def _refuse(location: str, faults: Mapping[str, list[str]]) -> NoReturn:
    """Raise `UnprocessableEntity` with what is wrong with which field, as webargs does."""
    abort(UnprocessableEntity.code, messages={location: faults})
