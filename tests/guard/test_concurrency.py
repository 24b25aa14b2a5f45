"""What happens when many do the same thing at the same time."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.changes import verify_all_sessions
from tests.conftest import MakeApp
from tests.site import Site, open_app
from tests.together import PATIENCE, all_at_once
from timApp.auth.session.util import add_user_session, invalidate_sessions_for, verify_session_for
from timApp.auth.site import db
from timApp.user.user import require_user


@pytest.mark.parametrize("limit", [1, 3])
def test_64_threads_logging_one_user_in_on_postgresql_leave_no_more_than_the_limit_active(
    postgresql_url: str, make_app: MakeApp, limit: int
) -> None:
    """64 logins of one user at once all succeed, and exactly as many as allowed are active."""
    app = make_app(postgresql_url, SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=limit)
    site = Site(app)
    site.add_user("alice")
    barrier = Barrier(64)

    def log_in(_number: int) -> int:
        browser = site.browser()
        barrier.wait(PATIENCE)
        return browser.log_in("alice").status_code

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(log_in, range(64))) == {200}
    assert len(site.sessions("alice")) == 64
    assert len(site.active("alice")) == limit


def _log_in_from_a_process(url: str, instance: str, barrier: Barrier, results: object) -> None:
    with open_app(url, Path(instance)) as app:
        browser = Site(app).browser()
        barrier.wait(PATIENCE)
        results.put(browser.log_in("alice").status_code)  # type: ignore[attr-defined]


def test_16_processes_logging_one_user_in_on_sqlite_leave_one_active_session(
    sqlite_url: str, make_app: MakeApp, tmp_path: Path
) -> None:
    """16 processes that log the same user in at once all succeed, and one session is active."""
    site = Site(make_app(sqlite_url))
    site.add_user("alice")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.guard.test_concurrency"])
    barrier = context.Barrier(16)
    results = context.SimpleQueue()
    processes = [
        context.Process(
            target=_log_in_from_a_process, args=(sqlite_url, str(tmp_path), barrier, results)
        )
        for _ in range(16)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
        assert process.exitcode == 0
    assert [results.get() for _ in processes] == [200] * 16
    assert len(site.sessions("alice")) == 16
    assert len(site.active("alice")) == 1


def test_concurrent_verifies_of_two_sessions_leave_exactly_one_active(site: Site) -> None:
    """Two sessions of one user that are verified at the same time are never both active."""
    site.add_user("alice")
    first, second = site.logged_in("alice"), site.logged_in("alice")
    for _ in range(10):
        all_at_once(
            site.app,
            [
                lambda: verify_session_for("alice", first.session_id),
                lambda: verify_session_for("alice", second.session_id),
            ],
        )
        assert len(site.active("alice")) == 1


def test_verify_all_beside_logins_leaves_one_active_session_each(site: Site) -> None:
    """Logins that happen while everybody is verified do not get a second session active."""
    names = ["alice", "bob", "carol", "dave"]
    for name in names:
        site.add_user(name)
        site.logged_in(name)
    with site.app.app_context():
        for name in names:
            invalidate_sessions_for(name)
        db.session.commit()

    def add(name: str, number: int) -> Callable[[], object]:
        return lambda: add_user_session(require_user(db, name), f"{name}{number}", "test")

    logins = [add(name, number) for name in names for number in range(3)]
    all_at_once(site.app, [*logins, verify_all_sessions])
    for name in names:
        assert len(site.active(name)) <= 1
