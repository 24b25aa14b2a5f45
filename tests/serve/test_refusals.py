"""What the front answers by itself to whoever cannot be answered just now."""

import pytest

from timApp.request.plain import ASKS_AGAIN, PlainErrors, bare_page
from timApp.serve.http.journal import Journal
from timApp.serve.http.message import Request
from timApp.serve.http.refusal import Refusals
from timApp.util.tally import Tally

_PAGE, _JSON = b"text/html,*/*;q=0.8", b"*/*"


@pytest.mark.parametrize(
    ("method", "accept", "status", "comes_again"),
    [
        (b"GET", _PAGE, 503, True),
        (b"GET", _JSON, 503, False),
        (b"POST", _PAGE, 503, False),
        (b"GET", _PAGE, 414, False),
    ],
)
def test_a_page_that_could_not_be_had_asks_again(
    method: bytes, accept: bytes, status: int, comes_again: bool
) -> None:
    """Not all at once; and nothing that was sent is sent again."""
    refusals = Refusals(PlainErrors(bare_page), [], Journal(Tally()), lambda *_: ("", ""))
    request = Request(method, b"/", "1.1", [(b"accept", accept)], ("192.0.2.1", 4711))
    answers = [refusals.answer(status, request) for _ in range(100)]
    seconds = {dict(one.headers).get(b"Refresh") for one in answers}
    expected = {b"%d" % number for number in range(2, 8)} if comes_again else {None}
    assert seconds == expected
    assert (ASKS_AGAIN.encode() in answers[0].body) is comes_again
