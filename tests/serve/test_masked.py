"""The log names nobody by the addresses that it has."""

import pytest
from flask import Flask

from timApp.request.masked import masked_path

NAME = "zoe-of-the-secret"


@pytest.mark.parametrize(
    ("route", "target", "shown"),
    [
        ("/view/<path:path>", "/view/exam/part%201?x=1", "/view/exam/part%201?*"),
        ("/user/sessions/<name:user>/verify", "/user%2fsessions/zoe/verify", None),
        ("/supervise/link/<token>", "/supervise/link/abc", "/supervise/link/*"),
        ("/login", "/login?next=/view/secret", "/login?*"),
        (None, "/user/sessions/zoe/verfy", "/user/sessions/*"),
        (None, "/favicon.ico", "/favicon.ico"),
        (None, "/a%0Ab", "/a%0Ab"),
        (None, "/%ff\u00e9", "/%EF%BF%BD%C3%A9"),
        (None, "*", "*"),
    ],
)
def test_a_path_is_told_without_names_ids_and_tokens(
    route: str | None, target: str, shown: str | None
) -> None:
    """Documents are told; arguments, queries, and the rest of an unknown address are not."""
    assert masked_path(route, target) == (shown or "/user/sessions/*/verify")


def test_no_argument_of_any_address_is_told(app: Flask) -> None:
    """Whatever stands in an address of the site, but for the path of a document, is masked."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.endswith("static"):
            continue
        with app.test_request_context():
            _, target = rule.build(dict.fromkeys(rule.arguments, NAME)) or ("", "")
        shown = masked_path(rule.rule, f"{target}?q={NAME}")
        assert NAME not in shown or rule.arguments == {"path"}
        assert NAME not in masked_path(None, target) or len(target.split("/")) <= 3
