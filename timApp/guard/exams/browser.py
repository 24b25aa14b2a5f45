"""Exams that ask for Safe Exam Browser: what they ask for, and what sessions have shown of it."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.dialects.functions import LostInCrash
from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.read import QuickRead
from timApp.database.driver.write import QuickWrite
from timApp.database.work import UnitOfWork
from timApp.guard.cookie import Claims
from timApp.guard.exams.sebfile import SebFile, SebSite, make_seb_file, needs_file
from timApp.guard.rules.exambrowser import (
    BrowserRule,
    ExamKeys,
    KeyState,
    ShownKeys,
    best_of,
    is_key,
    state_of,
)
from timApp.guard.tables.exam import Exam, keys_of, runs, sits
from timApp.guard.tables.handin import has_handed_in
from timApp.guard.tables.session import UserSession
from timApp.util.clock import now
from timApp.util.errors import BadInput
from timApp.util.text import quoted

#: The most keys of builds that an exam can have.
BROWSER_KEYS_MAX = 50


@dataclass(frozen=True)
class BrowserPlan:
    """What an exam is to ask for."""

    rule: BrowserRule = BrowserRule.NO
    #: The Config Key of settings that are not here; empty if there are none.
    config_key: str = ""
    #: Browser Exam Keys, in order.
    browser_keys: tuple[str, ...] = ()


NO_BROWSER = BrowserPlan()


def plan_browser(rule: BrowserRule, config_key: str, browser_keys: Sequence[str]) -> BrowserPlan:
    """Return a plan with keys as somebody has typed them.

    `BadInput` (field ``config_key`` or ``browser_keys``) for one that is none, and for too many.
    """
    key = config_key.strip().lower()
    builds = tuple(dict.fromkeys(one.strip().lower() for one in browser_keys))
    for field, text in (("config_key", key), *(("browser_keys", one) for one in builds)):
        if text and not is_key(text):
            raise BadInput(
                "%(key)s is no key of Safe Exam Browser, which has 64 digits from 0 to f.",
                field=field,
                key=quoted(text),
            )
    if len(builds) > BROWSER_KEYS_MAX:
        raise BadInput(
            "An exam has %(most)s Browser Exam Keys at most.",
            field="browser_keys",
            most=BROWSER_KEYS_MAX,
        )
    return BrowserPlan(rule, key, tuple(one for one in builds if one))


def asked_for(exam: Exam) -> BrowserPlan:
    """Return what an exam asks for, as a plan."""
    return BrowserPlan(exam.browser, exam.config_key or "", tuple(exam.browser_keys.split()))


def ask_for(exam: Exam, plan: BrowserPlan) -> None:
    """Let an exam ask for what the plan says."""
    exam.browser = plan.rule
    exam.config_key = plan.config_key or None
    exam.browser_keys = "\n".join(plan.browser_keys)


def use_file(exam: Exam, file: SebFile) -> None:
    """Let an exam have that file of settings."""
    exam.seb_file = b64encode(file.content).decode()
    exam.seb_key = file.key
    exam.quit_address = file.quit_address


def file_of(exam: Exam) -> bytes | None:
    """Return the file of settings of an exam; None if it has none."""
    return None if exam.seb_file is None else b64decode(exam.seb_file)


def have_file(exam: Exam, site: SebSite | None) -> None:
    """Make a file of settings for an exam that needs one and has none.

    `BadInput` (field ``browser``) if the address of the site is not known.
    """
    if not needs_file(exam.browser, exam.config_key, exam.seb_key):
        return
    use_file(exam, made_file(exam, site))


def made_file(exam: Exam, site: SebSite | None, quit_password: str = "") -> SebFile:
    """Return the file that is made for an exam, see `make_seb_file`.

    `BadInput` (field ``browser``) if the address of the site is not known.
    """
    if site is None:
        raise BadInput(
            "The site's address is not known, so no file of settings can be made: SITE_URL has to"
            " say it.",
            field="browser",
        )
    return make_seb_file(site, exam.id, quit_password)


@dataclass(frozen=True)
class AskingExam:
    """An exam that runs, that somebody sits, and that asks for the browser."""

    id: int
    title: str
    rule: BrowserRule
    keys: ExamKeys


_asking = QuickRead(
    sa.select(Exam.id, Exam.title, Exam.browser, Exam.config_key, Exam.seb_key, Exam.browser_keys)
    .where(
        Exam.browser != BrowserRule.NO,
        runs(sa.bindparam("moment", type_=UTCDateTime())),
        sits(sa.bindparam("person", type_=sa.Integer())),
        ~has_handed_in(sa.bindparam("person", type_=sa.Integer())),
    )
    .order_by(Exam.id)
)


def asking_exams(work: UnitOfWork, user_id: int) -> list[AskingExam]:
    """Return the exams that run, ask for the browser, and are the person's; it is one look-up."""
    rows = _asking.all(work, {"moment": now(), "person": user_id})
    return [AskingExam(number, title, rule, keys_of(*keys)) for number, title, rule, *keys in rows]


def shown_to(exams: Sequence[AskingExam], shown: ShownKeys) -> KeyState | None:
    """Return what a browser has shown to these exams; None if there is none."""
    return best_of(state_of(shown, exam.keys) for exam in exams)


_is_shown = sa.and_(
    UserSession.user_id == sa.bindparam("of_user"),
    UserSession.session_id == sa.bindparam("of_session"),
)
# Passes over a session that is being changed: the next request will do.
_unlocked = (
    sa.select(UserSession.session_id)
    .where(_is_shown, LostInCrash())
    .with_for_update(skip_locked=True, key_share=True)
)
_write_state = QuickWrite(
    sa.update(UserSession)
    .where(_is_shown, UserSession.session_id.in_(_unlocked))
    .values(
        key_state=sa.bindparam("state", type_=UserSession.key_state.type),
        key_state_since=sa.bindparam("moment", type_=UTCDateTime()),
    )
)


def note_state(engine: sa.Engine, claims: Claims, state: KeyState) -> None:
    """Write down what a session has shown; where that cannot be, it is left out."""
    values = {"of_user": claims.user_id, "of_session": claims.session_id, "state": state}
    _write_state.make_if_free(engine, {**values, "moment": now()})


def take_told(work: UnitOfWork, claims: Claims, state: KeyState) -> None:
    """Write down what a script has told of a session; nothing is committed."""
    moment: datetime = now()
    work.session.execute(
        sa.update(UserSession)
        .where(UserSession.user_id == claims.user_id, UserSession.session_id == claims.session_id)
        .values(key_state=state, key_state_since=moment),
        execution_options={"synchronize_session": False},
    )
