"""Asks every route as everybody, for docs/permissions.md: `python -m tests.access_table`."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from flask import Flask
from jinja2 import Template
from werkzeug.routing import Rule

from tests.databases import SQLiteDatabases
from tests.everybody import OPTIONS, Everybody
from tests.rights import IN, RIGHTS, ROLES, ROUTES, SAID, rights_by_route
from tests.site import open_app
from timApp.util.limits import FORM_TYPE

PERMISSIONS = Path(__file__).parents[1] / "docs" / "permissions.md"
_BEGIN, _END = "<!-- asked -->\n", "<!-- end -->\n"
_VALUES = {
    "receiver": 1,
    "user": "alice",
    "path": "exam",
    "rest": "/exam",
    "token": "none",
    "number": "1",
}

#: By route, what each role was answered, in the order of `ROLES`.
Answers = dict[str, tuple[int, ...]]


class _Unwritten(Template):
    """A page that nobody writes: only statuses are looked at, and to write it takes long."""

    def render(self, *_args: object, **_values: object) -> str:
        """Return nothing."""
        return ""


def ask_all(app: Flask, folder: Path) -> Answers:
    """Return what everybody is answered everywhere; the application is of `OPTIONS`."""
    app.jinja_env.template_class = _Unwritten
    everybody = Everybody(app, folder)
    return {
        name: tuple(_status(everybody, name, rule, role) for role in ROLES)
        for name, rule in _routes(app)
    }


def differences(answers: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Return what of the answers is not as `tests.rights` says, in a line each."""
    rights = rights_by_route()
    found = [
        f"{name}: nobody has said who may, see tests/rights.py" for name in answers.keys() - rights
    ]
    found += [f"{name}: there is no such route any more" for name in rights.keys() - answers]
    for name in answers.keys() & rights:
        inside = ROUTES[rights[name]][name]
        for role, said, got in zip(ROLES, RIGHTS[rights[name]], answers[name], strict=True):
            right = inside if said == IN else said
            if got != right:
                found.append(f"{name}: {role} is answered {got}, not {right} ({rights[name]})")
    return sorted(found)


def table(answers: Mapping[str, tuple[int, ...]]) -> str:
    """Return the tables of the page, one for each right."""
    rights = rights_by_route()
    places = [*ROUTES, None]

    def place(name: str) -> int:
        return places.index(rights.get(name))

    lines: list[str] = []
    for where, names in groupby(sorted(answers, key=lambda name: (place(name), _key(name))), place):
        right = places[where]
        lines += [f"## {_heading(right)}", ""]
        lines += ["| route | " + " | ".join(ROLES) + " |", "|---" * (len(ROLES) + 1) + "|"]
        for name in names:
            said = RIGHTS[right] if right else (None,) * len(ROLES)
            cells = [
                f"**{got}**" if want == IN else str(got)
                for got, want in zip(answers[name], said, strict=True)
            ]
            lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def written(text: str, found: str) -> str:
    """Return the text with the tables in their place."""
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}\n{found}{_END}{rest.partition(_END)[2]}"


def _heading(right: str | None) -> str:
    return "Nobody has said" if right is None else right[0].upper() + right[1:]


def _routes(app: Flask) -> Iterator[tuple[str, Rule]]:
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.endswith("static"):
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield f"{method} {rule.rule}", rule


def _key(name: str) -> tuple[str, str]:
    method, _, path = name.partition(" ")
    return path, method


def _status(everybody: Everybody, name: str, rule: Rule, role: str) -> int:
    method, said = name.partition(" ")[0], SAID.get(name, "")
    with everybody.app.test_request_context():
        _, path = rule.build({name: _VALUES[name] for name in rule.arguments}) or ("", "")
    if method == "GET":
        return everybody.ask(role, method, path, query=said).status_code
    kind = FORM_TYPE if said else None
    return everybody.ask(role, method, path, body=said.encode(), content_type=kind).status_code


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        databases = SQLiteDatabases(Path(folder))
        with databases.fresh() as url, open_app(url, Path(folder), **OPTIONS) as app:
            found = ask_all(app, Path(folder))
    PERMISSIONS.write_text(written(PERMISSIONS.read_text("utf-8"), table(found)), "utf-8")
    wrong = differences(found)
    sys.exit("\n".join(wrong) if wrong else 0)
