"""The options, their checks, and where they come from."""

import ast
import inspect
import json
import math
import os
import re
import typing
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from timApp import defaultconfig
from timApp.config import database_url, instance_path, load_config
from timApp.net.network import Host, read_network
from timApp.util.errors import ConfigError

OPTIONS = {name for name in typing.get_type_hints(defaultconfig) if name.isupper()}
SECRETS = [
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SESSIONS_LINK_SECRET",
    "DIST_RIGHTS_SEND_SECRET",
    "DIST_RIGHTS_RECEIVE_SECRET",
    "METRICS_TOKEN",
    "OIDC_CLIENT_SECRET",
]
LIMIT = "SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER"

Load = Callable[[str, object], dict[str, Any]]


def toml(value: object) -> str:
    """Write a value in TOML, which is JSON but for tables and None."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return '"none"' if value is None else json.dumps(value)


def from_file(folder: Path, content: str) -> dict[str, Any]:
    """Load a configuration with a file of this content."""
    file = folder / "tim.toml"
    file.write_text(content, "utf-8")
    return load_config(environ={"TIM_CONFIG": str(file)})


def failure(load: Callable[[], object]) -> ConfigError:
    """Return the error of a load that has to fail, after the checks that hold for all."""
    with pytest.raises(ConfigError) as caught:
        load()
    assert str(caught.value).isprintable()
    assert caught.value.status == 500
    assert caught.value.__cause__ is None
    return caught.value


@pytest.fixture(params=["file", "environment", "argument"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Load, Callable[[str], str]]:
    """Each way to set an option, and how messages call it."""

    def file(name: str, value: object) -> dict[str, Any]:
        return from_file(tmp_path, f"{name} = {toml(value)}")

    def environment(name: str, value: object) -> dict[str, Any]:
        text = value if isinstance(value, str) else json.dumps(value)
        return load_config(environ={f"TIM_{name}": "none" if value is None else text})

    def argument(name: str, value: object) -> dict[str, Any]:
        return load_config({name: value}, environ={})

    return {
        "file": (file, lambda _: f"(file {tmp_path / 'tim.toml'}"),
        "environment": (environment, lambda name: f"(environment variable TIM_{name}"),
        "argument": (argument, lambda _: "(argument"),
    }[request.param]


# The options themselves.


def test_every_option_is_documented_with_its_default() -> None:
    """Directly above each option stands a comment that names its default."""
    text = inspect.getsource(defaultconfig)
    lines = text.splitlines()
    seen = set()
    for node in ast.parse(text).body:
        if not isinstance(node, ast.AnnAssign):
            continue
        assert isinstance(node.target, ast.Name)
        assert node.value is not None
        start = node.lineno - 1
        while lines[start - 1].startswith("#"):
            start -= 1
        comment = " ".join(
            line.removeprefix("#").strip() for line in lines[start : node.lineno - 1]
        )
        default = ast.get_source_segment(text, node.value)
        assert f"Default: {default}" in comment, node.target.id
        seen.add(node.target.id)
    assert seen == OPTIONS


def test_every_option_is_refused_in_words() -> None:
    """Each option has a sentence of its own for a wrong value, and it is not the library's."""
    for name in OPTIONS:
        error = failure(partial(load_config, {name: object()}, {}))
        assert re.match(rf"{name} \(argument\) must be [^\n]+\.$", error.message)


def test_the_defaults_are_those_of_defaultconfig_and_pass_their_own_checks() -> None:
    """Without a file, environment or argument the options have their defaults, which are valid."""
    config = load_config(environ={})
    assert config == {name: getattr(defaultconfig, name) for name in OPTIONS}
    assert load_config(config, environ={}) == config


def test_a_configuration_is_its_callers_own() -> None:
    """Changing a loaded configuration changes neither the defaults nor the next one."""
    load_config(environ={})["SESSION_BLOCK_IGNORE_DOCUMENTS"].append("x")
    load_config(environ={})["DIST_RIGHTS_HOSTS"]["x"] = {}
    assert load_config(environ={})["SESSION_BLOCK_IGNORE_DOCUMENTS"] == []
    assert load_config(environ={})["DIST_RIGHTS_HOSTS"] == {}


# Setting them.


def test_an_option_is_set_from_each_source(source: tuple[Load, Callable[[str], str]]) -> None:
    """A value of each kind arrives unchanged from each source, and changes no other option."""
    load, _ = source
    values: list[tuple[str, object]] = [
        ("SESSIONS_ENABLE", False),
        (LIMIT, 3),
        (LIMIT, None),
        ("SESSION_BLOCK_IGNORE_DOCUMENTS", ["ohjeet/tentti", "käyttö"]),
        ("DIST_RIGHTS_HOSTS", {"exam": {"hosts": ["http://[::1]:5000"], "n": 1}}),
        ("DIST_RIGHTS_RECEIVE_SECRET", ["old secret", "ä secret"]),
        ("DIST_RIGHTS_TIMEOUT", 2.5),
        ("SECRET_KEY", "1234567890123456"),
        ("SITE_URL", "https://exam.example:8443/tim/"),
    ]
    for name, value in values:
        assert load(name, value) == load_config(environ={}) | {name: value}


def test_none_is_a_word_where_none_is_possible(tmp_path: Path) -> None:
    """In file and environment `none` stands for None, also in a table; in Python it is text."""
    limits = "SESSIONS_MAX_CONCURRENT_SESSIONS_PER_GROUP"
    config = from_file(tmp_path, f'{LIMIT} = "None"\n{limits} = {{a = "none", b = 2}}')
    assert config[LIMIT] is None
    assert config[limits] == {"a": None, "b": 2}
    assert (
        load_config(environ={"TIM_SESSION_COOKIE_SECURE": "none"})["SESSION_COOKIE_SECURE"] is None
    )
    assert (
        load_config({"DIST_RIGHTS_SEND_SECRET": "none"}, environ={})["DIST_RIGHTS_SEND_SECRET"]
        == "none"
    )
    assert failure(partial(load_config, environ={"TIM_TRUSTED_PROXIES": "none"})).field


def test_a_list_may_be_a_tuple_or_a_set_in_python() -> None:
    """Whatever holds the items, the option is a list of them."""
    for paths in (("a",), {"a"}):
        config = load_config({"SESSION_BLOCK_IGNORE_DOCUMENTS": paths}, environ={})
        assert config["SESSION_BLOCK_IGNORE_DOCUMENTS"] == ["a"]


def test_the_configuration_of_tim_starts(tmp_path: Path) -> None:
    """What TIM has for the same options is taken: an empty table of paths, and its own tables."""
    network = {
        "hosts": {"a": "https://a.example"},
        "distribute_groups": {"hall": ["a"]},
        "distribute_targets": {"exam": [{"target": "a", "distribute_group": "hall"}]},
    }
    options: dict[str, Any] = {
        "SESSION_BLOCK_IGNORE_DOCUMENTS": {},
        "DIST_RIGHTS_NETWORK": network,
        "DIST_RIGHTS_HOSTS": {"exam": {"hosts": ["https://a.example"], "item": "exam/part1"}},
        "SESSIONS_VERIFY_TARGETS": ["exam"],
    }
    content = "\n".join(f"{name} = {toml(value)}" for name, value in options.items())
    for config in (load_config(options, environ={}), from_file(tmp_path, content)):
        assert config["SESSION_BLOCK_IGNORE_DOCUMENTS"] == []
        assert config["DIST_RIGHTS_NETWORK"] == network
        assert read_network(config).targets == {"exam": (Host("https://a.example", "a"),)}
    empty: dict[str, object] = {"hosts": {}, "distribute_groups": {}, "distribute_targets": {}}
    assert read_network(load_config({"DIST_RIGHTS_NETWORK": empty}, environ={})).hosts == ()


def test_argument_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """Of two sources for the same option the later one counts; other options stay as they were."""
    file = tmp_path / "tim.toml"
    file.write_text(f"{LIMIT} = 2\nTRUSTED_PROXIES = 2\nMAX_CONTENT_LENGTH = 2")
    environ = {"TIM_CONFIG": str(file), "TIM_TRUSTED_PROXIES": "3", "TIM_MAX_CONTENT_LENGTH": "3"}
    config = load_config({"MAX_CONTENT_LENGTH": 4}, environ)
    assert config["DIST_RIGHTS_TIMEOUT"] == 10
    assert config[LIMIT] == 2
    assert config["TRUSTED_PROXIES"] == 3
    assert config["MAX_CONTENT_LENGTH"] == 4


def test_the_table_of_one_source_replaces_that_of_another(tmp_path: Path) -> None:
    """Targets of the file are gone when the environment has others: tables are not mixed."""
    file = tmp_path / "tim.toml"
    file.write_text('DIST_RIGHTS_HOSTS = {old = {hosts = ["https://a.example"]}}')
    environ = {"TIM_CONFIG": str(file), "TIM_DIST_RIGHTS_HOSTS": '{"new": {"hosts": []}}'}
    assert load_config(environ=environ)["DIST_RIGHTS_HOSTS"] == {"new": {"hosts": []}}


def test_the_environment_has_several_words_for_true_and_false() -> None:
    """In the environment, where all is text, the usual words for true and false are understood."""
    words = {"true": True, "1": True, "yes": True, "False": False, "0": False, "off": False}
    for text, value in words.items():
        assert load_config(environ={"TIM_SESSIONS_ENABLE": text})["SESSIONS_ENABLE"] is value


def test_the_words_of_json_are_no_values_in_the_environment() -> None:
    """`true` is no number, and `null` is neither None nor as if the variable were not set."""
    for name, text in [(LIMIT, "true"), (LIMIT, "null"), ("DIST_RIGHTS_HOSTS", "null")]:
        assert failure(partial(load_config, environ={f"TIM_{name}": text})).field == name


def test_variables_without_the_prefix_are_left_alone() -> None:
    """Environment variables that do not begin with TIM_ change nothing."""
    environ = {"SESSIONS_ENABLE": "no", "TIMEOUT": "x", "tim_x": "y"}
    assert load_config(environ=environ) == load_config(environ={})


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an environment given, that of the process counts, as it is when asked."""
    for name in [name for name in os.environ if name.startswith("TIM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TIM_TRUSTED_PROXIES", "1")
    assert load_config()["TRUSTED_PROXIES"] == 1


def test_options_of_flask_and_its_extensions_pass_through_the_argument() -> None:
    """The argument may hold options of Flask and its extensions; they come back unchanged."""
    foreign: dict[str, object] = {
        "TESTING": True,
        "SERVER_NAME": "tim.example",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=1),
        "SQLALCHEMY_ENGINES": {"default": "sqlite://"},
        "WTF_CSRF_ENABLED": False,
        "BOOTSTRAP_SERVE_LOCAL": True,
        "ALEMBIC": {},
        "ALEMBIC_CONTEXT": {},
    }
    config = load_config(foreign, environ={})
    assert config == load_config(environ={}) | foreign


def test_our_check_of_an_option_that_flask_has_too_is_the_one_that_counts() -> None:
    """Flask's SECRET_KEY, SESSION_COOKIE_SECURE and MAX_CONTENT_LENGTH are checked as ours."""
    wrong = {"SECRET_KEY": "", "SESSION_COOKIE_SECURE": "yes", "MAX_CONTENT_LENGTH": None}
    for name, value in wrong.items():
        assert failure(partial(load_config, {name: value}, {})).field == name


# Refusing them.


def test_a_wrong_value_is_named_with_its_source_and_what_is_expected(
    source: tuple[Load, Callable[[str], str]],
) -> None:
    """A wrong value is one line: the option, where it was set, and what it must be."""
    load, called = source
    wrong: list[tuple[str, object, str]] = [
        (LIMIT, "many", "be a whole number from 1 to 2147483647, or none."),
        (LIMIT, 2**31, "be a whole number from 1 to 2147483647, or none."),
        ("SESSIONS_ENABLE", "perhaps", "be true or false."),
        ("SESSION_BLOCK_IGNORE_DOCUMENTS", {"a": "b"}, "be a list of document paths"),
        ("SECRET_KEY", "", "be text of at least 16 characters, or none."),
        ("DIST_RIGHTS_SEND_SECRET", "", "be text that is not empty, or none."),
        ("SITE_URL", "exam.example", "be a base URL that begins with http:// or https://"),
    ]
    for name, value, words in wrong:
        error = failure(partial(load, name, value))
        assert error.message.startswith(f"{name} {called(name)}) must {words}")
        assert error.field == name


def test_how_a_list_or_table_is_written_in_the_environment_is_shown() -> None:
    """Each option that is one has an example in JSON, which can be copied; no other option has."""
    shown = {}
    for name in OPTIONS:
        error = failure(partial(load_config, environ={f"TIM_{name}": "\0"}))
        found = re.fullmatch(r".* There it is JSON, such as TIM_(\w+)='(.+)'\.", error.message)
        if found:
            assert found[1] == name
            shown[name] = json.loads(found[2])
    assert shown["TRUSTED_HOSTS"] == ["exam.example.org"]
    environ = {f"TIM_{name}": json.dumps(value) for name, value in shown.items()}
    environ["TIM_SITE_URL"] = "https://exam.example.org"  # which guarded hosts need
    config = load_config(environ=environ)
    for name, value in shown.items():
        assert config[name] == value
        assert "JSON" not in failure(partial(load_config, {name: object()}, {})).message
    config = load_config(environ={})
    composite = {name for name, value in config.items() if isinstance(value, list | dict)}
    assert set(shown) == composite | {"TRUSTED_HOSTS", "DIST_RIGHTS_RECEIVE_SECRET"}


def test_a_value_of_the_wrong_type_or_out_of_range_is_refused() -> None:
    """No type takes what is nearly right: numbers for truth, text for numbers, nothing at all."""
    wrong: list[tuple[str, list[object]]] = [
        ("SESSIONS_ENABLE", [1, "true", None]),
        (LIMIT, [0, 1.0, True, "5"]),
        ("SESSIONS_MAX_CONCURRENT_SESSIONS_PER_GROUP", [{"a": 0}, {"a": "2"}, {" ": 1}]),
        ("SESSION_BLOCK_IGNORE_DOCUMENTS", ["a/b", [1], [""], None]),
        ("DIST_RIGHTS_HOSTS", [[], {"exam": []}, {"exam": {}}, {" ": {"hosts": []}}]),
        ("DIST_RIGHTS_HOSTS", [{"exam": {"hosts": "https://a.example"}}]),
        ("DIST_RIGHTS_NETWORK", [[], {"host": {}}, {"hosts": ["https://a.example"]}]),
        ("DIST_RIGHTS_NETWORK", [{"targets": {"exam": "a"}}, {"groups": {"hall": [1]}}]),
        ("DIST_RIGHTS_NETWORK", [{"distribute_groups": "a"}, {"distribute_targets": None}]),
        ("DIST_RIGHTS_SEND_SECRET", [" ", "a\0", 12345, ["k"]]),
        ("DIST_RIGHTS_RECEIVE_SECRET", [[], ["a", ""], [1], " "]),
        ("DIST_RIGHTS_TIMEOUT", [0, "5", True, math.nan, math.inf, None]),
        ("INSTANCE_PATH", ["", 1]),
        ("TRUSTED_PROXIES", [-1, "none"]),
        ("TRUSTED_PROXY_HEADERS", ["X-Forwarded", "", None, 1]),
        ("TRUSTED_HOSTS", [[], "a.example", ["https://a.example"], ["a.example:80"], [""]]),
        ("TRUSTED_HOSTS", [["."], ["a.example/x"], ["a@b.example"], ["a b"], [1], ["::1"]]),
        ("MAX_CONTENT_LENGTH", [0, None]),
    ]
    for name, values in wrong:
        for value in values:
            assert failure(partial(load_config, {name: value}, {})).field == name, value


def test_a_key_that_could_be_guessed_is_refused() -> None:
    """A key that signs has 16 characters at least, a former one too; blanks do not count."""
    for name in ("SECRET_KEY", "SESSIONS_LINK_SECRET"):
        for short in ("x", "fifteen letters", " " * 20 + "x"):
            error = failure(partial(load_config, {name: short}, {}))
            assert (
                error.message
                == f"{name} (argument) must be text of at least 16 characters, or none."
            )
        assert load_config({name: "sixteen letters!"}, environ={})[name] == "sixteen letters!"
    for former in (["a former key, and long", "x"], "a former key, and long", [b"bytes"], 1):
        error = failure(partial(load_config, {"SECRET_KEY_FALLBACKS": former}, {}))
        assert error.field == "SECRET_KEY_FALLBACKS"
        assert "precious" not in error.message
        assert "at least 16 characters" in error.message
    assert load_config({"SECRET_KEY_FALLBACKS": ("a former key, and long",)}, environ={})


def test_an_unknown_option_is_named_with_its_source(
    source: tuple[Load, Callable[[str], str]],
) -> None:
    """A name that is no option is reported with where it stands and the nearest option."""
    load, called = source
    for name in ["SESSION_ENABLE", "sessions_enable", "X", "_env_file"]:
        error = failure(partial(load, name, "precious"))
        assert error.message.startswith(f"{name} {called(name)}): there is no such option.")
        assert "precious" not in error.message
        assert ("Did you mean SESSIONS_ENABLE?" in error.message) == ("enable" in name.lower())


def test_options_of_flask_are_for_the_argument_alone(tmp_path: Path) -> None:
    """In the file and in the environment an option of Flask is one that there is not."""
    assert failure(partial(load_config, environ={"TIM_TESTING": "1"})).field == "TESTING"
    assert failure(lambda: from_file(tmp_path, "TESTING = true")).field == "TESTING"


def test_a_name_with_a_line_break_still_makes_one_line(tmp_path: Path) -> None:
    """Whatever characters a name has, the message about it is a single printable line."""
    assert failure(lambda: from_file(tmp_path, '"a\\nb" = 1')).field == "a\nb"
    assert failure(lambda: load_config({"a\x1b\r\nb": 1}, environ={})).field == "a\x1b\r\nb"


def test_a_host_that_is_no_base_url_is_found_by_its_place() -> None:
    """A host that is not an http or https URL is an error that says which one it is."""
    for url in [
        "ftp://a.example",
        "a.example",
        "//a.example",
        "https://",
        "https:///path",
        "https://:443",
        "https://a.example:port",
        "https://a.example:99999",
        "https://[::1",
        "https://a.example/?x=1",
        "https://a.example/#x",
        "https://a.example/\n",
        "https://a example",
        "https://exam..example",
        f"https://{'x' * 64}.example",
        "https://tim:precious@a.example",
        "",
    ]:
        hosts = {"good": {"hosts": []}, "exam": {"hosts": ["https://a.example", url]}}
        error = failure(partial(load_config, {"DIST_RIGHTS_HOSTS": hosts}, {}))
        place = "DIST_RIGHTS_HOSTS (argument, at exam.hosts[1]) must be"
        assert error.message.startswith(place), url


def test_a_named_host_that_is_no_base_url_is_found_by_its_place() -> None:
    """A malformed URL in DIST_RIGHTS_NETWORK is an error that says whose it is."""
    network = {"hosts": {"a": "https://a.example", "b": "b.example"}}
    error = failure(lambda: load_config({"DIST_RIGHTS_NETWORK": network}, environ={}))
    assert error.message.startswith("DIST_RIGHTS_NETWORK (argument, at hosts.b) must be")


@pytest.mark.parametrize(
    ("network", "named"),
    [
        ({"targets": {"exam": ["nowhere"]}}, ["target exam", "nowhere"]),
        ({"groups": {"hall": ["nowhere"]}}, ["group hall", "nowhere"]),
        ({"groups": {"hall": ["hall"]}}, ["group hall", "hall"]),
        ({"hosts": {"a": "https://a.example"}, "groups": {"a": []}}, ["a is both"]),
        ({"targets": {"known": []}}, ["known", "DIST_RIGHTS_HOSTS"]),
        ({"targets": {"two\nlines": ["x"]}}, ["two lines"]),
    ],
)
def test_a_name_that_stands_for_nothing_or_two_things_stops_the_start(
    network: dict[str, Any], named: list[str]
) -> None:
    """One line names the option, the place and the name."""
    options = {"DIST_RIGHTS_NETWORK": network, "DIST_RIGHTS_HOSTS": {"known": {"hosts": []}}}
    error = failure(lambda: load_config(options, environ={}))
    assert error.message.startswith("DIST_RIGHTS_NETWORK: ")
    assert all(text in error.message for text in named)
    assert error.message.isprintable()
    assert error.field == "DIST_RIGHTS_NETWORK"


def test_targets_of_both_tables_are_made_of_hosts() -> None:
    """Groups are taken apart, doubles dropped, slashes cut, and named hosts keep their name."""
    config = load_config(
        {
            "DIST_RIGHTS_HOSTS": {"old": {"hosts": ["https://a.example/", "https://c.example"]}},
            "DIST_RIGHTS_NETWORK": {
                "hosts": {"a": "https://a.example", "b": "https://b.example/tim/"},
                "groups": {"hall": ["a", "b"]},
                "targets": {"exam": ["b", "hall"]},
            },
            "SESSIONS_VERIFY_TARGETS": ["exam", "old"],
        },
        environ={},
    )
    network = read_network(config)
    a, b = Host("https://a.example", "a"), Host("https://b.example/tim", "b")
    assert network.targets == {"old": (a, Host("https://c.example")), "exam": (b, a)}
    assert network.hosts_of(["exam", "old", "none"]) == (
        [b, a, Host("https://c.example")],
        ["There is no target 'none' in DIST_RIGHTS_HOSTS or DIST_RIGHTS_NETWORK."],
    )
    assert [host.label for host in network.hosts] == [
        "a (https://a.example)",
        "https://c.example",
        "b (https://b.example/tim)",
    ]


def test_several_secrets_are_a_json_list_in_the_environment() -> None:
    """What is no list is a single secret, as it stands."""
    secrets = {"one": "one", '["a", "b"]': ["a", "b"], "[half": "[half", '"x"': '"x"', "12": "12"}
    for text, value in secrets.items():
        environ = {"TIM_DIST_RIGHTS_RECEIVE_SECRET": text}
        assert load_config(environ=environ)["DIST_RIGHTS_RECEIVE_SECRET"] == value


def test_a_wrong_list_item_is_found_by_its_place() -> None:
    """An item of a list that does not fit is an error that says which one it is."""
    for name in ["SESSION_BLOCK_IGNORE_DOCUMENTS", "DIST_RIGHTS_RECEIVE_SECRET"]:
        error = failure(partial(load_config, {name: ["a", ""]}, {}))
        assert error.message.startswith(f"{name} (argument, at [1]) must be")


def test_a_list_that_is_no_json_names_its_variable() -> None:
    """A list in the environment that cannot be parsed is an error that names the variable."""
    for text in ["[", "a,b", "[" * 100_000, "NaN"]:
        environ = {"TIM_SESSION_BLOCK_IGNORE_DOCUMENTS": text}
        error = failure(partial(load_config, environ=environ))
        assert "(environment variable TIM_SESSION_BLOCK_IGNORE_DOCUMENTS)" in error.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A TIM_CONFIG that leads nowhere is one line with the path and the reason."""
    path = tmp_path / "missing.toml"
    error = failure(lambda: load_config(environ={"TIM_CONFIG": str(path)}))
    assert error.message == f"TIM_CONFIG: cannot read file {path}: No such file or directory."


def test_an_empty_file_name_is_an_error() -> None:
    """A TIM_CONFIG that is set to nothing is an error that says what it must be."""
    error = failure(lambda: load_config(environ={"TIM_CONFIG": ""}))
    assert error.message.startswith("TIM_CONFIG must be the path of a TOML file")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A TIM_CONFIG that cannot be opened as a file is one line with the path."""
    error = failure(lambda: load_config(environ={"TIM_CONFIG": str(tmp_path)}))
    assert error.message.startswith(f"TIM_CONFIG: cannot read file {tmp_path}: ")


def test_an_invalid_file_is_named(tmp_path: Path) -> None:
    """A file that is no TOML is one line with the path and what the parser says."""
    for content in ["=", "A = ", "A = 1\nA = 2", "A = " + "[" * 100_000]:
        error = failure(partial(from_file, tmp_path, content))
        path = tmp_path / "tim.toml"
        assert error.message.startswith(f"TIM_CONFIG: file {path} is no valid TOML: ")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A file that is not UTF-8 is one line with the path."""
    path = tmp_path / "tim.toml"
    path.write_bytes(b"SECRET_KEY = '\xff'")
    error = failure(lambda: load_config(environ={"TIM_CONFIG": str(path)}))
    assert error.message == f"TIM_CONFIG: file {path} must be text in UTF-8."


# Keeping quiet about them.


#: Options that any text will do for.
TEXTS = (
    "INSTANCE_PATH",
    "LOG_FILE",
    "OIDC_CLIENT_ID",
    "OIDC_GROUPS_CLAIM",
    "OIDC_NAME_CLAIM",
    "SAML_ENTITY_ID",
    "SAML_GROUPS_ATTRIBUTE",
    "SAML_IDP",
    "SAML_NAME_ATTRIBUTE",
    "SAML_SUBJECT",
    "SESSION_COOKIE_NAME",
)


def test_a_value_is_never_repeated(source: tuple[Load, Callable[[str], str]]) -> None:
    """A secret that ended up in the wrong option is not printed by the error that follows."""
    load, _ = source
    for name in OPTIONS - {*SECRETS, *TEXTS}:
        assert "precious" not in failure(partial(load, name, "precious")).message


def test_a_wrong_secret_is_not_printed(tmp_path: Path) -> None:
    """A secret of the wrong type, or in a file with a mistake, is reported without the secret."""
    for name in SECRETS:
        for wrong in ([["precious"]], "precious\0"):
            assert "precious" not in failure(partial(load_config, {name: wrong}, {})).message
        for content in (
            f'{name} = [["precious"]]',
            f'{name} = "precious',
            f"{name} = precious",
            f'{name} = "precious"\n{name} = "precious"',
        ):
            assert "precious" not in failure(partial(from_file, tmp_path, content)).message


def test_a_password_in_a_url_is_not_printed() -> None:
    """A host or database URL that is refused is reported without its password."""
    hosts = {"exam": {"hosts": ["https://tim:precious@a.example:x"]}}
    wrong: list[tuple[str, object]] = [
        ("DIST_RIGHTS_HOSTS", hosts),
        ("DATABASE_URL", "mysql://tim:precious@db/tim"),
        ("DATABASE_URL", "postgresql://tim:precious@db:port/tim"),
    ]
    for name, value in wrong:
        error = failure(partial(load_config, {name: value}, {}))
        assert "precious" not in error.message


# What follows from them.


def test_the_instance_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative instance folder is found from the working directory, an absolute one as it is."""
    monkeypatch.chdir(tmp_path)
    assert instance_path(load_config(environ={})) == tmp_path / "instance"
    assert instance_path({"INSTANCE_PATH": "/var/lib/tim"}) == Path("/var/lib/tim")
    assert not (tmp_path / "instance").exists()


def test_the_default_database_is_a_file_in_the_instance_folder(tmp_path: Path) -> None:
    """Without a DATABASE_URL the database is timapp.db in the instance folder."""
    for folder in ["instance", "ohje 100%/a?b#c", "a@b:c"]:
        config = load_config({"INSTANCE_PATH": str(tmp_path / folder)}, environ={})
        url = make_url(database_url(config))
        assert url.drivername == "sqlite"
        assert url.database == str(tmp_path / folder / "timapp.db")


def test_a_database_url_gets_its_driver() -> None:
    """A URL of a supported database keeps all its parts, and PostgreSQL gets the driver psycopg."""
    for given, resolved in {
        "postgresql://tim:p%40ss@db:5433/tim": "postgresql+psycopg://tim:p%40ss@db:5433/tim",
        "postgresql+psycopg://db/tim": "postgresql+psycopg://db/tim",
        "postgres://tim:p%40ss@db:5433/tim": "postgresql+psycopg://tim:p%40ss@db:5433/tim",
        "postgres://h1,h2/tim": "postgresql+psycopg:///tim?host=h1%2Ch2&port=5432%2C5432",
        "postgresql:///tim?host=/run": "postgresql+psycopg:///tim?host=%2Frun",
        "postgresql://tim:p%40ss@h1:5433,h2/tim?target_session_attrs=read-write": (
            "postgresql+psycopg://tim:p%40ss@/tim"
            "?host=h1%2Ch2&port=5433%2C5432&target_session_attrs=read-write"
        ),
        "postgresql://[::1]:5433,%2Frun/tim": (
            "postgresql+psycopg:///tim?host=%3A%3A1%2C%2Frun&port=5433%2C5432"
        ),
        "sqlite:////srv/tim.db": "sqlite:////srv/tim.db",
        "sqlite+pysqlite:////srv/tim.db?timeout=5": "sqlite+pysqlite:////srv/tim.db?timeout=5",
        "sqlite:///:memory:": "sqlite:///:memory:",
        "sqlite://": "sqlite://",
    }.items():
        url = database_url(load_config({"DATABASE_URL": given}, environ={}))
        assert make_url(url) == make_url(resolved)


def test_a_relative_sqlite_file_is_found_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative SQLite file is relative to the working directory, not to the instance folder."""
    monkeypatch.chdir(tmp_path)
    url = database_url(load_config({"DATABASE_URL": "sqlite:///data/tim.db"}, environ={}))
    assert make_url(url).database == str(tmp_path / "data" / "tim.db")


def test_another_kind_of_database_is_refused() -> None:
    """A URL that is malformed or of an unsupported database names the option, not the password."""
    for url in [
        "mysql://tim:precious@db/tim",
        "postgresql+asyncpg://tim:precious@db/tim",
        "postgresql+psycopg2://tim:precious@db/tim",
        "sqlite+aiosqlite:///precious.db",
        "sqlite://precious.db",
        "postgresql://tim:precious@db:port/tim",
        "postgresql://tim:precious@db:5432,other:port/tim",
        "postgresql://tim:precious@db:5432,/tim",
        "precious",
        "",
    ]:
        for load in (
            partial(load_config, {"DATABASE_URL": url}, {}),
            partial(database_url, {"DATABASE_URL": url, "INSTANCE_PATH": "x"}),
        ):
            error = failure(load)
            assert error.message.startswith("DATABASE_URL (argument) must be a URL like ")
            assert "precious" not in error.message


def test_an_asterisk_in_a_host_name_is_refused_with_what_stands_for_it() -> None:
    """It would fit no host; the error says how to write a domain, and any name."""
    for name in ("*", "*.example.org", "exam.*"):
        error = failure(partial(load_config, {"TRUSTED_HOSTS": [name]}, {}))
        assert error.field == "TRUSTED_HOSTS"
        assert '".example.org" stands for a domain and all below it' in error.message
        assert "for any name leave out this option and SITE_URL" in error.message
