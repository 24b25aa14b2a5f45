"""Every statement that the application sends to PostgreSQL, recorded while it is played with."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from timApp.app import create_app
from timApp.auth.site import db
from timApp.document.model import save_document
from timApp.item.accesstype import AccessType
from timApp.item.block import grant_access
from timApp.user.user import create_user
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP, require_group

_PASSWORD = "a password for measurements"
_SECRET = "a secret that is long enough for anything"
_DOCUMENT = "exam"
_BLOCKED = 490
#: The first who was added.
_STUDENT_ID = 1
_PAGE = {"Accept": "text/html"}


@dataclass(frozen=True)
class Statement:
    """A statement as the driver got it, and what it was sent for."""

    purpose: str
    text: str
    parameters: Any


#: They touch no table.
_OF_TRANSACTIONS = {"BEGIN", "COMMIT", "ROLLBACK"}


@dataclass
class Recorder:
    """Collects statements, each text once: for the purpose that it first served."""

    purpose: str = ""
    statements: dict[str, Statement] = field(default_factory=dict)

    def add(self, query: Any, parameters: Any) -> None:
        """Add a statement, unless its text is known or nobody has said what it is for."""
        text = query.decode() if isinstance(query, bytes) else str(query)
        if self.purpose and text not in _OF_TRANSACTIONS:
            self.statements.setdefault(text, Statement(self.purpose, text, parameters))


def recorded_statements(database_url: str, folder: Path) -> list[Statement]:
    """Play everything that the site is used for once; return the statements that it took."""
    app = create_app(
        {
            "DATABASE_URL": database_url,
            "INSTANCE_PATH": str(folder),
            "SECRET_KEY": "a key of the bench",
            "DIST_RIGHTS_RECEIVE_SECRET": _SECRET,
        }
    )
    recorder = Recorder()
    with app.app_context():
        sa.event.listen(db.engine, "connect", _recording(recorder))
        _add_people()
    _Play(recorder, app.test_client).all()
    with app.app_context():
        db.engine.dispose()
    return list(recorder.statements.values())


def _recording(recorder: Recorder) -> Any:
    class RecordingCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            recorder.add(query, params)
            return super().execute(query, params, **options)

        def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
            rows = list(params_seq)
            recorder.add(query, rows[0])
            super().executemany(query, rows, **options)

        @contextmanager
        def copy(self, statement: Any, params: Any = None, **options: Any) -> Iterator[Any]:
            recorder.add(statement, params)
            with super().copy(statement, params, **options) as copy:
                yield copy

    def record(connection: psycopg.Connection, _: object) -> None:
        connection.cursor_factory = RecordingCursor

    return record


def _add_people() -> None:
    for name, groups in (
        ("student", ["Students"]),
        ("supervisor", [SUPERVISOR_GROUP]),
        ("admin", [ADMIN_GROUP]),
    ):
        create_user(db, name, _PASSWORD, groups=groups)
    document, _ = save_document(db, _DOCUMENT, "# Question 1")
    grant_access(db, document.block, require_group(db, "Students"), AccessType.VIEW)
    db.session.commit()


class _Person:
    """A person with a browser."""

    def __init__(self, client: FlaskClient, name: str) -> None:
        self._client, self._name = client, name
        self._token = self.session_id = ""

    def log_in(self) -> None:
        """Log in as a program does."""
        body = {"username": self._name, "password": _PASSWORD}
        answer = _checked(self._client.post("/login", json=body)).json
        assert answer is not None
        self._token, self.session_id = answer["csrfToken"], answer["sessionId"]

    def get(self, path: str, *expected: int, **arguments: str) -> None:
        """Ask for a page as a browser does."""
        _checked(self._client.get(path, query_string=arguments, headers=_PAGE), *expected)

    def post(self, path: str, fields: Mapping[str, str] | None = None) -> None:
        """Submit a form."""
        headers = {**_PAGE, "X-CSRFToken": self._token}
        _checked(self._client.post(path, data=fields or {}, headers=headers))


class _Play:
    """Uses the site for whatever it is there for."""

    def __init__(self, recorder: Recorder, new_client: Any) -> None:
        self._recorder, self._new_client = recorder, new_client

    def all(self) -> None:
        """Play all of it."""
        first, second, supervisor, admin = (
            _Person(self._new_client(), name)
            for name in ("student", "student", "supervisor", "admin")
        )
        with self._for("Logging in"):
            first.log_in()
        with self._for("Reading a document"):
            first.get(f"/view/{_DOCUMENT}")
        with self._for("Logging in over the limit"):
            second.log_in()
        with self._for("Being blocked, and waiting"):
            second.get(f"/view/{_DOCUMENT}", _BLOCKED)
            second.get("/user/sessions/current")
        with self._for("My sessions"):
            first.get("/my-sessions")
        supervisor.log_in()
        admin.log_in()
        self._supervise(supervisor, second)
        self._administer(admin, second)
        with self._for("Told by another host"):
            self._tell("verify", second)
            self._tell("invalidate", second)
            self._tell("verify", first)
        with self._for("Ending the other sessions"):
            first.post("/my-sessions/end-others")
        with self._for("Logging out"):
            first.post("/logout")

    def _supervise(self, supervisor: _Person, blocked: _Person) -> None:
        with self._for("Console: who waits"):
            supervisor.get("/supervise")
        with self._for("Console: finding and comparing"):
            supervisor.get("/supervise/find", q="student")
            supervisor.get("/supervise/person", user="student", session=blocked.session_id)
        chosen = {"user": "student", "session_id": blocked.session_id}
        with self._for("Console: verifying"):
            supervisor.post("/supervise/verify", chosen)
        with self._for("Console: invalidating"):
            supervisor.post("/supervise/invalidate", chosen)

    def _administer(self, admin: _Person, blocked: _Person) -> None:
        sessions = "/administer/sessions"
        with self._for("Administrator: overview"):
            admin.get("/administer")
        with self._for("Administrator: a person"):
            admin.get("/administer/person", user="student")
        with self._for("Administrator: all sessions"):
            admin.get(sessions)
            admin.get(sessions, user="student")
            admin.get(sessions, state="expired", origin="fox")
            admin.get(sessions, sort="name")
        with self._for("Administrator: selected sessions"):
            chosen = {"session": f"{_STUDENT_ID}:{blocked.session_id}"}
            admin.post(f"{sessions}/verify", chosen)
            admin.post(f"{sessions}/invalidate", chosen)
        with self._for("Administrator: export"):
            admin.get(f"{sessions}/export", format="csv")
            admin.get(f"{sessions}/export", format="json", user="student")
        with self._for("Administrator: everybody"):
            for change in ("verify-all", "invalidate-all"):
                admin.get(f"{sessions}/{change}")
                admin.post(f"{sessions}/{change}")

    def _tell(self, action: str, person: _Person) -> None:
        body = {"username": "student", "session_id": person.session_id, "secret": _SECRET}
        _checked(self._new_client().post(f"/user/sessions/{action}", json=body))

    @contextmanager
    def _for(self, purpose: str) -> Iterator[None]:
        self._recorder.purpose = purpose
        yield
        self._recorder.purpose = ""


def _checked(answer: TestResponse, *expected: int) -> TestResponse:
    """Return the answer, read to its end; `RuntimeError` for an unexpected one."""
    text = answer.get_data(as_text=True)
    if answer.status_code not in (
        expected or (HTTPStatus.OK, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER)
    ):
        msg = f"{answer.request.path} answered {answer.status}: {text[:500]}"
        raise RuntimeError(msg)
    return answer
