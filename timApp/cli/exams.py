"""What the commands of exams have alike: their options, and how they say what an exam is."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum

import click

from timApp.cli.output import printable
from timApp.cli.parameters import TEXT
from timApp.guard.exams.run import Effect
from timApp.guard.rules.exam import end_of, start_of
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit
from timApp.guard.tables.exam import Exam
from timApp.ui.language import site_zone
from timApp.util.localtime import moment_of

_Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def time_option(name: str, variable: str, text: str, *, required: bool) -> _Decorator:
    """Let a command take a time, which is text until it is known which site it is for."""
    return click.option(name, variable, metavar="TIME", type=TEXT, required=required, help=text)


def names_option(name: str, variable: str, metavar: str, text: str) -> _Decorator:
    """Let a command take some names."""
    return click.option(name, variable, metavar=metavar, type=TEXT, multiple=True, help=text)


def policy_option(
    kind: type[OverLimit] | type[AfterEnd] | type[DeviceRule],
    name: str,
    default: Enum | None,
    text: str,
) -> _Decorator:
    """Let a command take a policy; it is None where there is no default and none is given."""
    return click.option(
        name,
        type=click.Choice([choice.value for choice in kind]),
        callback=lambda _ctx, _parameter, value: None if value is None else kind(value),
        default=None if default is None else default.value,
        show_default=default is not None,
        help=text,
    )


def time_of(text: str, field: str) -> datetime:
    """Return the moment that was typed, in the site's zone if it does not say; else `BadInput`."""
    return moment_of(text, site_zone(), field)


def time_text(moment: datetime) -> str:
    """Return a moment in the site's zone, to the minute."""
    return moment.astimezone(site_zone()).isoformat(timespec="minutes")


def exam_text(exam: Exam) -> str:
    """Return the title of an exam, and its times."""
    times = f"from {time_text(start_of(exam))} to {time_text(end_of(exam))}"
    return f"{printable(exam.title)!r} ({times})"


def hit_text(effect: Effect) -> str:
    """Return which sessions a beginning ends."""
    sessions = counted(effect.sessions, "open session", "open sessions")
    return f"{sessions} of {counted(effect.people_hit, 'person', 'people')}"


def counted(number: int, one: str, many: str) -> str:
    """Return a number and what it counts."""
    return f"{number} {one if number == 1 else many}"
