"""What the commands of exams have alike: their options, and how they say what an exam is."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum

import click

from timApp.cli.output import printable, time_text
from timApp.cli.parameters import TEXT
from timApp.document.shutout import ShutOut
from timApp.guard.exams.run import Effect
from timApp.guard.rules.exam import Phase, end_of, phase_of, start_of
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.tables.exam import Exam
from timApp.ui.language import site_zone
from timApp.user.usergroup import SUPERVISOR_GROUP
from timApp.util.clock import now
from timApp.util.errors import TimError
from timApp.util.localtime import moment_of

#: How many people are named where there may be many.
_NAMED = 5
_Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def time_option(name: str, variable: str, text: str, *, required: bool) -> _Decorator:
    """Let a command take a time, which is text until it is known which site it is for."""
    return click.option(name, variable, metavar="TIME", type=TEXT, required=required, help=text)


def names_option(name: str, variable: str, metavar: str, text: str) -> _Decorator:
    """Let a command take some names."""
    return click.option(name, variable, metavar=metavar, type=TEXT, multiple=True, help=text)


def policy_option(
    kind: type[OverLimit] | type[AfterEnd] | type[DeviceRule] | type[BrowserRule],
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


def exam_time(moment: datetime) -> str:
    """Return a time of an exam: to the minute, as it is planned."""
    return time_text(moment, "minutes")


def exam_text(exam: Exam) -> str:
    """Return the title of an exam, and its times."""
    times = f"from {exam_time(start_of(exam))} to {exam_time(end_of(exam))}"
    return f"{printable(exam.title)!r} ({times})"


def hit_text(effect: Effect) -> str:
    """Return which sessions a beginning ends."""
    sessions = counted(effect.sessions, "open session", "open sessions")
    return f"{sessions} of {counted(effect.people_hit, 'person', 'people')}"


def counted(number: int, one: str, many: str) -> str:
    """Return a number and what it counts."""
    return f"{number} {one if number == 1 else many}"


def shut_out_lines(exam: Exam, shut_out: Sequence[ShutOut]) -> Iterator[str]:
    """Yield how many of those who sit an exam cannot read which of its documents, and what helps.

    Of an exam that is over there is nothing to say.
    """
    for one in () if phase_of(exam, now()) is Phase.OVER else shut_out:
        yield (
            f"Warning: {counted(one.people, 'person', 'people')} of {printable(exam.title)!r}"
            f" cannot open {printable(one.path)}, for lack of the right. To give it:"
        )
        for command in one.commands:
            yield f"  {printable(command)}"


def standing_lines(
    exam: Exam,
    people: int,
    powerless: Sequence[str],
    shut_out: Sequence[ShutOut],
    *,
    is_new: bool,
    has_documents: bool,
) -> Iterator[str]:
    """Yield what there is to say of an exam that was added or changed.

    `is_new`: it was added, or begins at another time now; `powerless`: those of its supervisors who
    can verify nobody; `shut_out`: what some who sit it cannot read.
    """
    phase = phase_of(exam, now())
    if phase is Phase.RUNS and is_new:
        yield "It runs already, and its policies count now."
    if phase is not Phase.OVER and not has_documents:
        yield "It has no documents yet."
    if phase is not Phase.OVER and powerless:
        names = ", ".join(map(printable, powerless[:_NAMED]))
        more = f" and {len(powerless) - _NAMED} more" if len(powerless) > _NAMED else ""
        yield f"Not in the group {SUPERVISOR_GROUP!r}, so they can verify nobody: {names}{more}."
    if phase is Phase.TO_COME:
        yield f"{counted(people, 'person', 'people')} would sit it as groups are now."
    elif phase is Phase.RUNS:
        yield f"{counted(people, 'person sits', 'people sit')} it as groups are now."
    yield from shut_out_lines(exam, shut_out)


def tell_faults(faults: Sequence[TimError]) -> None:
    """Raise the last of these errors, and tell those before it as it will be told."""
    if not faults:
        return
    for error in faults[:-1]:
        click.echo(f"Error: {error}", err=True)
    raise faults[-1]


def policy_text(policy: Policy) -> str:
    """Return the policies as the options of commands call them."""
    return ", ".join((policy.over_limit.value, policy.after_end.value, policy.device.value))
