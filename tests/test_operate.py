"""docs/operate.md sends nobody to what is not there."""

import re
from pathlib import Path

import click
import pytest
from flask import Flask

from timApp import defaultconfig
from timApp.cli.group import cli
from timApp.database import readiness
from timApp.serve.http.connections import TOO_MANY
from timApp.serve.http.refusal import HOST, LOGINS_FULL, REASONS
from timApp.util.measures import (
    DATABASE_UP,
    MEASURES,
    NOTICES_OWED,
    OUTCOMES,
    OWED,
    SESSIONS,
    WAITING,
)

TEXT = (Path(__file__).parents[1] / "docs" / "operate.md").read_text("utf-8")
SPANS = re.findall(r"`([^`\n]+)`", TEXT)


def command_of(words: list[str]) -> click.Command:
    """Return the command that these words begin with; an assertion for one that is not there."""
    found: click.Command = cli
    context = click.Context(cli)
    while words and isinstance(found, click.Group):
        inner = found.get_command(context, words.pop(0))
        assert inner is not None
        found = inner
    return found


@pytest.mark.parametrize("span", sorted({one for one in SPANS if one.startswith("timapp ")}))
def test_each_command_is_there_with_its_options(span: str) -> None:
    """What is to be typed is a command, and takes what stands behind it."""
    words = span.split()[1:]
    command = command_of(words)
    assert not isinstance(command, click.Group)
    options = {option for one in command.params for option in one.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_each_option_is_one() -> None:
    """What is to be configured can be."""
    shouted = {one.partition(" ")[0] for one in SPANS if re.fullmatch(r"[A-Z][A-Z_]+( = .*)?", one)}
    known = {name for name in vars(defaultconfig) if name.isupper()}
    assert shouted - {"SIGHUP", "SIGTERM", "TIM_CONFIG"} <= known
    assert len(shouted) > 10


def test_each_number_is_told_and_each_is_explained() -> None:
    """The page names the numbers of /metrics, all of them and no others."""
    measures = (*MEASURES, DATABASE_UP, SESSIONS, WAITING, OWED, NOTICES_OWED)
    named = {one.removesuffix("_total") for one in SPANS if one.startswith("timapp_")}
    assert named == {measure.name for measure in measures}
    for word in (*REASONS.values(), HOST, LOGINS_FULL, *TOO_MANY, *OUTCOMES):
        assert f"`{word}`" in TEXT, word


def test_each_address_is_there(app: Flask) -> None:
    """Pages and addresses that it sends to are the site's."""
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    addresses = {one for one in SPANS if re.fullmatch(r"/[a-z][a-z/-]+", one)}
    assert addresses <= rules
    assert {"/readyz", "/administer/failed-logins"} <= addresses


def test_what_readyz_says_is_what_the_page_says() -> None:
    """The words of the checks stand there as they are sent."""
    assert f"less than {readiness.FREE_MIN >> 20} MiB free" in TEXT
    assert "behind: timapp db upgrade" in TEXT
