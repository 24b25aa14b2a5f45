"""`timapp exam browser`."""

from dataclasses import replace
from pathlib import Path

import click

from timApp.auth.exambrowser import seb_site
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.exams import names_option
from timApp.cli.files import replaced_file
from timApp.cli.help import examples
from timApp.cli.output import printable
from timApp.cli.parameters import TEXT
from timApp.document.planning import Documents, give_file, plan_anew
from timApp.guard.exams.browser import file_of, made_file, plan_browser
from timApp.guard.exams.find import lock_exam
from timApp.guard.exams.plan import plan_of
from timApp.guard.exams.sebfile import read_seb_file
from timApp.guard.tables.exam import Exam


@click.command(
    "browser",
    epilog=examples(
        'timapp exam browser "Algebra 1"',
        'timapp exam browser "Algebra 1" --save algebra.seb',
        'timapp exam browser "Algebra 1" --use own.seb',
    ),
)
@click.argument("title", type=TEXT)
@click.option(
    "--use",
    "used",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Its settings are those of FILE, which is not encrypted.",
)
@click.option("--make", is_flag=True, help="Its settings are made anew, for SITE_URL.")
@click.option(
    "--config-key",
    metavar="KEY",
    type=TEXT,
    help="The Config Key of a file that is not here; an empty one takes it away.",
)
@names_option("--add-key", "new_keys", "KEY", "A Browser Exam Key may be used; may be repeated.")
@names_option("--remove-key", "old_keys", "KEY", "It may not be used; may be repeated.")
@click.option(
    "--save",
    "saved",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write its settings into FILE.",
)
def browser(  # noqa: PLR0917 - those of the command
    title: str,
    used: Path | None,
    make: bool,
    config_key: str | None,
    new_keys: tuple[str, ...],
    old_keys: tuple[str, ...],
    saved: Path | None,
) -> None:
    """Say how the exam TITLE is opened in Safe Exam Browser, and change its settings.

    Whether it asks for the browser say --browser of `timapp exam add` and `timapp exam change`. Of
    an exam that is over nothing changes.
    """
    with application():
        exam = lock_exam(db, title)
        _change_keys(exam, config_key, new_keys, old_keys)
        _change_file(exam, used, make=make)
        lines, content = list(_said(exam)), file_of(exam)
        db.session.commit()
    if saved is not None:
        if content is None:
            raise click.ClickException("The exam has no file of settings here.")
        with replaced_file(saved) as file:
            file.write(content)
    for line in lines:
        click.echo(line)


def _change_keys(
    exam: Exam, config_key: str | None, new_keys: tuple[str, ...], old_keys: tuple[str, ...]
) -> None:
    old = plan_of(exam)
    key = old.browser.config_key if config_key is None else config_key
    added = plan_browser(old.browser.rule, key, (*old.browser.browser_keys, *new_keys))
    gone = {one.strip().lower() for one in old_keys}
    left = tuple(one for one in added.browser_keys if one not in gone)
    plan = replace(old, browser=replace(added, browser_keys=left))
    plan_anew(db, exam, plan, Documents(), current_actor(), site=seb_site(exam.title))


def _change_file(exam: Exam, used: Path | None, *, make: bool) -> None:
    if used is not None and make:
        raise click.UsageError("Either --use or --make, not both.")
    if used is not None:
        give_file(db, exam, read_seb_file(used.read_bytes()), current_actor())
    elif make:
        give_file(db, exam, made_file(exam, seb_site(exam.title)), current_actor())


def _said(exam: Exam) -> list[str]:
    lines = [f"Safe Exam Browser: {exam.browser.value}"]
    site = seb_site(exam.title)
    if site is not None:
        lines.append(f"Page: {site.start_address(exam.id)}")
        if exam.seb_key:
            lines.append(f"Link: {site.start_link(exam.id)}")
    if exam.seb_key:
        lines.append(f"Config Key of the file: {exam.seb_key}")
        lines.append(f"Quit link: {printable(exam.quit_address or 'none')}")
    if exam.config_key:
        lines.append(f"Config Key: {exam.config_key}")
    lines += [f"Browser Exam Key: {key}" for key in exam.browser_keys.split()]
    return lines
