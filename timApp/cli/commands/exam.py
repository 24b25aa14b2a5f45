"""`timapp exam`."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

import click

from timApp.auth.exambrowser import seb_site
from timApp.auth.site import current_clocks, db
from timApp.auth.visitor import current_actor
from timApp.cli.commands import exam_browser
from timApp.cli.context import application
from timApp.cli.exams import (
    counted,
    exam_text,
    exam_time,
    hit_text,
    names_option,
    policy_option,
    policy_text,
    shut_out_lines,
    standing_lines,
    tell_faults,
    time_of,
    time_option,
)
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT, NoTerminal
from timApp.document.exam import documents_of_exams
from timApp.document.planned import faults_of
from timApp.document.planning import Documents, drop_exam, plan_anew, plan_exam
from timApp.document.shutout import ShutOut, shut_out_of
from timApp.guard.exams.browser import BrowserPlan
from timApp.guard.exams.find import all_exams, lock_exam, require_exam
from timApp.guard.exams.plan import ExamPlan, merged_groups, plan_of
from timApp.guard.exams.run import Effect, begin_exam, effect_of_begin, end_exam
from timApp.guard.exams.supervision import those_who_verify_nobody
from timApp.guard.rules.exam import EXAM_POLICY, Part, Phase, end_of, phase_of, start_of
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.tables.exam import Exam
from timApp.util.clock import now
from timApp.util.errors import TimError


def _browser_option(default: BrowserRule | None) -> Callable[..., Any]:
    """Let a command say whether an exam asks for Safe Exam Browser."""
    text = "Whether it asks for Safe Exam Browser, and only shows who is in it, or requires it."
    return policy_option(BrowserRule, "--browser", default, text)


@click.group(
    "exam",
    epilog=examples(
        'timapp exam add "Algebra 1" --from 2026-12-01T09:00 --to 2026-12-01T12:00'
        " --group Students --document exam/part1",
        'timapp exam begin "Algebra 1"',
    ),
)
def command() -> None:
    """Add, change, delete, list, begin and end exams.

    While an exam runs, its documents are open to those who sit it, and its policies count for their
    logins. It begins and ends by the clock, or by hand if that is first.
    """


@command.command(
    epilog=examples(
        'timapp exam add "Algebra 1" --from 2026-12-01T09:00 --to 2026-12-01T12:00'
        " --group Students --document exam/part1 --document exam/part2",
        "timapp exam add Retake --from 2026-12-08T09:00+02:00 --to 2026-12-08T12:00+02:00"
        " --group alice --device any",
    )
)
@click.argument("title", type=TEXT)
@time_option("--from", "starts_at", "When it begins.", required=True)
@time_option("--to", "ends_at", "When it ends.", required=True)
@names_option("--group", "groups", "G", "The members of G (or the user G) sit it; may be repeated.")
@names_option(
    "--document", "documents", "PATH", "It consists of the document at PATH; may be repeated."
)
@names_option(
    "--supervisors",
    "supervisors",
    "G",
    "The members of G supervise it; may be repeated. Without it, the site's supervisors do.",
)
@policy_option(
    OverLimit, "--over-limit", EXAM_POLICY.over_limit, "What a login over the limit does."
)
@policy_option(
    AfterEnd, "--after-end", EXAM_POLICY.after_end, "What becomes of a login after an end."
)
@policy_option(DeviceRule, "--device", EXAM_POLICY.device, "Which browsers may take a free slot.")
@_browser_option(BrowserRule.NO)
def add(  # noqa: PLR0917 - those of the command
    title: str,
    starts_at: str,
    ends_at: str,
    groups: tuple[str, ...],
    documents: tuple[str, ...],
    supervisors: tuple[str, ...],
    over_limit: OverLimit,
    after_end: AfterEnd,
    device: DeviceRule,
    browser: BrowserRule,
) -> None:
    """Add the exam TITLE.

    A TIME is one of ISO 8601, such as 2026-12-01T09:00; without an offset it is meant in the site's
    zone (SITE_TIME_ZONE). The policies are those of the site's options SESSIONS_OVER_LIMIT,
    SESSIONS_AFTER_END and SESSIONS_DEVICE, and count in their place for those who sit the exam.
    Supervisors of an exam can open its documents at any time; to verify anybody they have to be
    supervisors of the site.
    """
    with application():
        moments: list[datetime] = []
        faults: list[TimError] = []
        for text, field in ((starts_at, "from"), (ends_at, "to")):
            try:
                moments.append(time_of(text, field))
            except TimError as error:
                faults.append(error)
        times = None if faults else (moments[0], moments[1])
        found = faults_of(db, title, groups, supervisors, documents, times=times)
        tell_faults([*found.pop("title", []), *faults, *chain.from_iterable(found.values())])
        plan = ExamPlan(
            title,
            moments[0],
            moments[1],
            groups,
            supervisors,
            Policy(over_limit, after_end, device),
            BrowserPlan(browser),
        )
        exam = plan_exam(db, plan, documents, current_actor(), site=seb_site(title))
        shown, lines = exam_text(exam), _standing(exam, is_new=True)
        db.session.commit()
    click.echo(f"Added the exam {shown}.")
    for line in lines:
        click.echo(line)


@command.command(
    epilog=examples(
        'timapp exam change "Algebra 1" --to 2026-12-01T13:00 --add-group Guests',
        'timapp exam change "Algebra 1" --remove-document exam/part2',
        'timapp exam change "Algebra 1" --title "Algebra 2"',
    )
)
@click.argument("title", type=TEXT)
@click.option("--title", "new_title", metavar="NEW", type=TEXT, help="What it is called.")
@time_option("--from", "starts_at", "When it begins.", required=False)
@time_option("--to", "ends_at", "When it ends.", required=False)
@names_option("--add-group", "new_groups", "G", "G sits it, too; may be repeated.")
@names_option("--remove-group", "old_groups", "G", "G does not sit it; may be repeated.")
@names_option("--add-document", "new_documents", "PATH", "It has PATH, too; may be repeated.")
@names_option("--remove-document", "old_documents", "PATH", "It has no PATH; may be repeated.")
@names_option("--add-supervisors", "new_supervisors", "G", "G supervise it, too; may be repeated.")
@names_option(
    "--remove-supervisors",
    "old_supervisors",
    "G",
    "G do not supervise it; may be repeated. When none are left, the site's supervisors do.",
)
@policy_option(OverLimit, "--over-limit", None, "What a login over the limit does.")
@policy_option(AfterEnd, "--after-end", None, "What becomes of a login after an end.")
@policy_option(DeviceRule, "--device", None, "Which browsers may take a free slot.")
@_browser_option(None)
def change(  # noqa: PLR0917 - those of the command
    title: str,
    new_title: str | None,
    starts_at: str | None,
    ends_at: str | None,
    new_groups: tuple[str, ...],
    old_groups: tuple[str, ...],
    new_documents: tuple[str, ...],
    old_documents: tuple[str, ...],
    new_supervisors: tuple[str, ...],
    old_supervisors: tuple[str, ...],
    over_limit: OverLimit | None,
    after_end: AfterEnd | None,
    device: DeviceRule | None,
    browser: BrowserRule | None,
) -> None:
    """Change the exam TITLE; what is not said stays as it is.

    Before it begins, everything can be changed. While it runs, its title, its end, its documents
    and its supervisors can, and groups can be added; its end is not past. When it is over, its
    title can. Times are written as for `timapp exam add`.
    """
    with application():
        exam = lock_exam(db, title)
        old = plan_of(exam)
        plan = ExamPlan(
            old.title if new_title is None else new_title,
            old.starts_at if starts_at is None else time_of(starts_at, "from"),
            old.ends_at if ends_at is None else time_of(ends_at, "to"),
            merged_groups(db, exam.groups, new_groups, old_groups),
            merged_groups(db, exam.supervisors, new_supervisors, old_supervisors),
            Policy(
                over_limit or old.policy.over_limit,
                after_end or old.policy.after_end,
                device or old.policy.device,
            ),
            replace(old.browser, rule=browser or old.browser.rule),
        )
        documents = Documents(added=new_documents, removed=old_documents)
        site = seb_site(plan.title)
        changed = plan_anew(db, exam, plan, documents, current_actor(), site=site)
        shown, lines = exam_text(exam), _standing(exam, is_new=Part.START in changed)
        db.session.commit()
    click.echo(f"The exam is {shown} now.")
    for line in lines:
        click.echo(line)


@command.command(epilog=examples('timapp exam delete "Algebra 1"'))
@click.argument("title", type=TEXT)
def delete(title: str) -> None:
    """Delete the exam TITLE, which has not begun.

    Its documents stay, and are open to whoever has the right to them.
    """
    with application():
        shown = exam_text(drop_exam(db, title, current_actor()))
        db.session.commit()
    click.echo(f"Deleted the exam {shown}.")


@command.command("list", epilog=examples("timapp exam list"))
def list_exams() -> None:
    """List exams, the latest first.

    For each: title, state, from, to, groups, documents, supervisors, and its policies in the order
    of the options of `timapp exam add`. A table at a terminal; else a line for each exam,
    tab-separated and without headings. Times are in the site's zone. Who cannot open a document of
    an exam, for lack of the right, is told on standard error.
    """
    with application():
        documents = documents_of_exams(db)
        moment, exams = now(), all_exams(db)
        rows = [
            (
                exam.title,
                phase_of(exam, moment).value,
                exam_time(start_of(exam)),
                exam_time(end_of(exam)),
                ", ".join(group.name for group in exam.groups),
                ", ".join(documents.get(exam.id, [])),
                ", ".join(group.name for group in exam.supervisors),
                policy_text(exam.policy),
            )
            for exam in exams
        ]
        shut_out = shut_out_of(db, [one.id for one in exams])
        warnings = [line for one in exams for line in shut_out_lines(one, shut_out.get(one.id, []))]
    columns = "Title", "State", "From", "To", "Groups", "Documents", "Supervisors", "Policies"
    print_rows(columns, rows)
    for line in warnings:
        click.echo(line, err=True)


@command.command(
    epilog=examples('timapp exam begin "Algebra 1"', 'timapp exam begin "Algebra 1" --yes')
)
@click.argument("title", type=TEXT)
@click.option("--yes", is_flag=True, help="Do not ask.")
def begin(title: str, yes: bool) -> None:
    """Begin the exam TITLE now, and end the sessions from before it of all who sit it.

    They log in again. It says first how many people and sessions that is, and asks. Sessions of
    administrators and of the exam's supervisors go on.
    """
    with application():
        exam = require_exam(db, title)
        if exam.begun_at is None and phase_of(exam, now()) is not Phase.OVER and not yes:
            _ask(exam, effect_of_begin(db, exam))
            db.session.rollback()
        begun = begin_exam(db, title, current_actor(), current_clocks())
        db.session.commit()
        shown, by = exam_text(begun.exam), _by(begun.exam.begun_at, begun.exam.begun_by)
        warnings = list(shut_out_lines(begun.exam, _shut_out(begun.exam)))
    if begun.effect is None:
        click.echo(f"The exam {shown} had begun already{by}; nothing was changed.")
        return
    click.echo(f"Began the exam {shown}. {hit_text(begun.effect)} ended.")
    for line in warnings:
        click.echo(line)


@command.command(epilog=examples('timapp exam end "Algebra 1"'))
@click.argument("title", type=TEXT)
def end(title: str) -> None:
    """End the exam TITLE now: its documents close, and its policies count no more.

    Sessions go on. Whoever was held because of what happened in the exam is held no more.
    """
    with application():
        ended = end_exam(db, title, current_actor())
        db.session.commit()
        shown, by = exam_text(ended.exam), _by(ended.exam.ended_at, ended.exam.ended_by)
    if ended.is_new:
        click.echo(f"Ended the exam {shown}.")
    else:
        click.echo(f"The exam {shown} was over already{by}; nothing was changed.")


command.add_command(exam_browser.browser)


def _standing(exam: Exam, *, is_new: bool) -> list[str]:
    """Return what there is to say of an exam that was added or changed."""
    return list(
        standing_lines(
            exam,
            effect_of_begin(db, exam).people,
            those_who_verify_nobody(db, exam),
            _shut_out(exam),
            is_new=is_new,
            has_documents=exam.id in documents_of_exams(db),
        )
    )


def _shut_out(exam: Exam) -> Sequence[ShutOut]:
    return shut_out_of(db, [exam.id]).get(exam.id, [])


def _ask(exam: Exam, effect: Effect) -> None:
    """Say whom it hits, and ask whether that is meant."""
    click.echo(
        f"{counted(effect.people, 'person sits', 'people sit')} the exam {exam_text(exam)}."
        f" {hit_text(effect)} will end."
    )
    for line in shut_out_lines(exam, _shut_out(exam)):
        click.echo(line)
    if not sys.stdin.isatty():
        msg = "There is no terminal to ask at; use --yes to begin the exam without being asked."
        raise NoTerminal(msg)
    click.confirm("Begin it?", abort=True)


def _by(at: datetime | None, name: str | None) -> str:
    """Return when somebody did it and who; nothing if it was the clock."""
    return "" if at is None or name is None else f", at {exam_time(at)} by {printable(name)}"
