"""Reports of browsers that a page broke its policy: a line in the log, and never many."""

import json

import pytest

from timApp.request.plain import PlainErrors
from timApp.serve.http.journal import Journal
from timApp.serve.http.message import Request
from timApp.serve.http.refusal import Refusals
from timApp.serve.reports import Reports
from timApp.util.tally import Tally

OLD = {
    "csp-report": {
        "document-uri": "https://exam.example.org/supervise/link/a-token?x=alice",
        "effective-directive": "img-src",
        "blocked-uri": "https://alice:pw@elsewhere.example/cat.png?who=alice",
    }
}
NEW = [
    {
        "type": "csp-violation",
        "body": {
            "documentURL": "https://exam.example.org/supervise/link/a-token?x=alice",
            "effectiveDirective": "img-src",
            "blockedURL": "https://alice:pw@elsewhere.example/cat.png?who=alice",
        },
    }
]


def reports() -> Reports:
    """Return what takes them."""
    return Reports(
        [], Refusals(PlainErrors(lambda *_: ""), [], Journal(Tally()), lambda *_: ("", ""))
    )


def sent(told: Reports, body: bytes) -> bytes:
    """Send a report; return the status."""
    head = [(b"content-type", b"application/csp-report")]
    request = Request(b"POST", b"/csp-report", "1.1", head, ("192.0.2.1", 4711), body)
    return told.answer(request).status[:3]


@pytest.mark.parametrize("report", [OLD, NEW], ids=["report-uri", "Reporting API"])
def test_a_report_says_what_was_kept_out_and_names_nobody(
    caplog: pytest.LogCaptureFixture, report: object
) -> None:
    """The line has the directive, the other site and the page, without names and tokens."""
    assert sent(reports(), json.dumps(report).encode()) == b"204"
    assert caplog.messages == [
        "A browser says that a page broke its policy: 'img-src' kept 'https://elsewhere.example'"
        " from /supervise/link/*"
    ]


def test_nobody_floods_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """However many different ones are sent, the next line comes in a while."""
    told = reports()
    for number in range(500):
        report = {"csp-report": {"effective-directive": f"x{number}", "blocked-uri": "inline"}}
        assert sent(told, json.dumps(report).encode()) == b"204"
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", b"400"),
        (b"nonsense", b"400"),
        (b"[" * 16_000, b"400"),
        (b"[]", b"400"),
        (b"7", b"400"),
        (b'{"csp-report": 7}', b"400"),
        (b'"' + b"x" * 16_384 + b'"', b"413"),
        (b'{"csp-report": {}}', b"204"),
        (b'[{"body": {"effectiveDirective": 7, "documentURL": "http://["}}]', b"204"),
        (b'{"csp-report": {"blocked-uri": "a\\nb\\u2028c", "document-uri": "/\\ud800"}}', b"204"),
    ],
)
def test_what_is_no_report_is_refused_and_breaks_nothing(
    caplog: pytest.LogCaptureFixture, body: bytes, status: bytes
) -> None:
    """Whatever is sent gets a clear answer, and what is told of it is one line."""
    assert sent(reports(), body) == status
    assert all(message.isprintable() for message in caplog.messages)
    assert len(caplog.messages) == (status == b"204")
