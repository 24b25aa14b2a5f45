"""`timapp exam`."""

import sys
from collections.abc import Callable
from datetime import datetime
from enum import Enum

import click

from timApp.auth.site import current_clocks, db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT, NoTerminal
from timApp.document.exam import change_documents, documents_of_exams, set_documents
from timApp.guard.exams.find import all_exams, require_exam
from timApp.guard.exams.plan import (
    ExamPlan,
    add_exam,
    change_groups,
    delete_exam,
    lock_planned,
    move_exam,
)
from timApp.guard.exams.run import Effect, begin_exam, effect_of_begin, end_exam
from timApp.guard.rules.exam import EXAM_POLICY, Phase, end_of, phase_of, start_of
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.tables.exam import Exam
from timApp.ui.language import site_zone
from timApp.util.clock import now
from timApp.util.localtime import moment_of

_Decorator = Callable[[Callable[..., None]], Callable[..., None]]


@click.group(
    "exam",
    epilog=examples(
        'timapp exam add "Algebra 1" --from 2026-12-01T09:00 --to 2026-12-01T12:00'
        " --group Students --document exam/part1",
        'timapp exam begin "Algebra 1"',
    ),
)
def command() -> None:
    """Plan, change, list, begin and end exams.

    While an exam runs, its documents are open to those who sit it, and its policies count for their
    logins. It begins and ends by the clock, or by hand if that is first.
    """


def _policy_option(name: str, default: Enum, text: str) -> _Decorator:
    kind = type(default)
    return click.option(
        name,
        type=click.Choice([choice.value for choice in kind]),
        callback=lambda _ctx, _parameter, value: kind(value),
        default=default.value,
        show_default=True,
        help=text,
    )


def _names_option(name: str, variable: str, metavar: str, text: str) -> _Decorator:
    return click.option(name, variable, metavar=metavar, type=TEXT, multiple=True, help=text)


@command.command(
    epilog=examples(
        'timapp exam add "Algebra 1" --from 2026-12-01T09:00 --to 2026-12-01T12:00'
        " --group Students --document exam/part1 --document exam/part2",
        "timapp exam add Retake --from 2026-12-08T09:00+02:00 --to 2026-12-08T12:00+02:00"
        " --group alice --device any",
    )
)
@click.argument("title", type=TEXT)
@click.option(
    "--from", "starts_at", metavar="TIME", type=TEXT, required=True, help="When it begins."
)
@click.option("--to", "ends_at", metavar="TIME", type=TEXT, required=True, help="When it ends.")
@_names_option(
    "--group", "groups", "G", "The members of G (or the user G) sit it; may be repeated."
)
@_names_option(
    "--document", "documents", "PATH", "It consists of the document at PATH; may be repeated."
)
@_names_option(
    "--supervisors",
    "supervisors",
    "G",
    "The members of G supervise it; may be repeated. Without it, the site's supervisors do.",
)
@_policy_option("--over-limit", EXAM_POLICY.over_limit, "What a login over the limit does.")
@_policy_option("--after-end", EXAM_POLICY.after_end, "What becomes of a login after an end.")
@_policy_option("--device", EXAM_POLICY.device, "Which browsers may take a free slot.")
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
) -> None:
    """Add the exam TITLE.

    A TIME is one of ISO 8601, such as 2026-12-01T09:00; without an offset it is meant in the site's
    zone (SITE_TIME_ZONE). The policies are those of the site's options SESSIONS_OVER_LIMIT,
    SESSIONS_AFTER_END and SESSIONS_DEVICE, and count in their place for those who sit the exam.
    Supervisors of an exam can open its documents at any time; to verify anybody they have to be
    supervisors of the site.
    """
    with application():
        plan = ExamPlan(
            title,
            moment_of(starts_at, site_zone(), "from"),
            moment_of(ends_at, site_zone(), "to"),
            groups,
            supervisors,
            Policy(over_limit, after_end, device),
        )
        exam = add_exam(db, plan)
        set_documents(db, exam, documents)
        effect = effect_of_begin(db, exam)
        shown = _shown(exam)
        db.session.commit()
    click.echo(f"Added the exam {shown}.")
    click.echo(f"{_count(effect.people, 'person', 'people')} would sit it as groups are now.")


@command.command(
    epilog=examples(
        'timapp exam change "Algebra 1" --to 2026-12-01T13:00 --add-group Guests',
        'timapp exam change "Algebra 1" --remove-document exam/part2',
    )
)
@click.argument("title", type=TEXT)
@click.option("--from", "starts_at", metavar="TIME", type=TEXT, help="When it begins.")
@click.option("--to", "ends_at", metavar="TIME", type=TEXT, help="When it ends.")
@_names_option("--add-group", "new_groups", "G", "G sits it, too; may be repeated.")
@_names_option("--remove-group", "old_groups", "G", "G does not sit it; may be repeated.")
@_names_option("--add-document", "new_documents", "PATH", "It has PATH, too; may be repeated.")
@_names_option("--remove-document", "old_documents", "PATH", "It has no PATH; may be repeated.")
def change(  # noqa: PLR0917 - those of the command
    title: str,
    starts_at: str | None,
    ends_at: str | None,
    new_groups: tuple[str, ...],
    old_groups: tuple[str, ...],
    new_documents: tuple[str, ...],
    old_documents: tuple[str, ...],
) -> None:
    """Change the times, groups or documents of the exam TITLE, which has not begun.

    Times are written as for `timapp exam add`.
    """
    with application():
        start = None if starts_at is None else moment_of(starts_at, site_zone(), "from")
        end = None if ends_at is None else moment_of(ends_at, site_zone(), "to")
        exam = lock_planned(db, title)
        move_exam(db, exam, start, end)
        change_groups(db, exam.groups, new_groups, old_groups)
        change_documents(db, exam, new_documents, old_documents)
        shown, effect = _shown(exam), effect_of_begin(db, exam)
        db.session.commit()
    click.echo(f"The exam is {shown} now.")
    click.echo(f"{_count(effect.people, 'person', 'people')} would sit it as groups are now.")


@command.command(epilog=examples('timapp exam delete "Algebra 1"'))
@click.argument("title", type=TEXT)
def delete(title: str) -> None:
    """Delete the exam TITLE, which has not begun.

    Its documents stay, and are open to whoever has the right to them.
    """
    with application():
        exam = lock_planned(db, title)
        shown = _shown(exam)
        set_documents(db, exam, ())
        delete_exam(db, exam)
        db.session.commit()
    click.echo(f"Deleted the exam {shown}.")


@command.command("list", epilog=examples("timapp exam list"))
def list_exams() -> None:
    """List exams, the latest first: title, state, from, to, groups, documents, supervisors.

    A table at a terminal; else a line for each exam, tab-separated and without headings.
    Times are in the site's zone.
    """
    with application():
        documents = documents_of_exams(db)
        moment = now()
        rows = [
            (
                exam.title,
                phase_of(exam, moment).value,
                _time(start_of(exam)),
                _time(end_of(exam)),
                ", ".join(group.name for group in exam.groups),
                ", ".join(documents.get(exam.id, [])),
                ", ".join(group.name for group in exam.supervisors),
            )
            for exam in all_exams(db)
        ]
    print_rows(("Title", "State", "From", "To", "Groups", "Documents", "Supervisors"), rows)


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
        shown, by = _shown(begun.exam), _by(begun.exam.begun_at, begun.exam.begun_by)
    if begun.effect is None:
        click.echo(f"The exam {shown} had begun already{by}; nothing was changed.")
        return
    click.echo(f"Began the exam {shown}. {_hit(begun.effect)} ended.")


@command.command(epilog=examples('timapp exam end "Algebra 1"'))
@click.argument("title", type=TEXT)
def end(title: str) -> None:
    """End the exam TITLE now: its documents close, and its policies count no more.

    Sessions go on. Whoever was held because of what happened in the exam is held no more.
    """
    with application():
        ended = end_exam(db, title, current_actor())
        db.session.commit()
        shown, by = _shown(ended.exam), _by(ended.exam.ended_at, ended.exam.ended_by)
    if ended.is_new:
        click.echo(f"Ended the exam {shown}.")
    else:
        click.echo(f"The exam {shown} was over already{by}; nothing was changed.")


def _ask(exam: Exam, effect: Effect) -> None:
    """Say whom it hits, and ask whether that is meant."""
    click.echo(
        f"{_count(effect.people, 'person sits', 'people sit')} the exam {_shown(exam)}."
        f" {_hit(effect)} will end."
    )
    if not sys.stdin.isatty():
        msg = "There is no terminal to ask at; use --yes to begin the exam without being asked."
        raise NoTerminal(msg)
    click.confirm("Begin it?", abort=True)


def _hit(effect: Effect) -> str:
    sessions = _count(effect.sessions, "open session", "open sessions")
    return f"{sessions} of {_count(effect.people_hit, 'person', 'people')}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _shown(exam: Exam) -> str:
    times = f"from {_time(start_of(exam))} to {_time(end_of(exam))}"
    return f"{printable(exam.title)!r} ({times})"


def _by(at: datetime | None, name: str | None) -> str:
    """Return when somebody did it and who; nothing if it was the clock."""
    return "" if at is None or name is None else f", at {_time(at)} by {printable(name)}"


def _time(moment: datetime) -> str:
    return moment.astimezone(site_zone()).isoformat(timespec="minutes")
