"""Programs of the system that tests run, and that may not be there."""

import os
from typing import NoReturn

import pytest

#: Set where a missing program is a failure, and not a reason to skip.
_REQUIRED = "CI_REQUIRE_BROWSER"


def is_missing(reason: str) -> NoReturn:
    """Skip the test for that reason, or let it fail where all programs have to be there."""
    if os.environ.get(_REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)
