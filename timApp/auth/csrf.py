"""Protection of the cookie's rights against other sites (CSRF)."""

from collections.abc import Callable

from flask_wtf.csrf import CSRFProtect

from timApp.auth.visitor import is_program
from timApp.request.inputs import current_request

#: Methods that change nothing.
_HARMLESS = frozenset(("GET", "HEAD", "OPTIONS"))


class _Protection(CSRFProtect):
    def protect(self, apply_exemptions: bool = False) -> None:
        """Check a request that may change something, and do not even look at others.

        No other site makes a browser show a program's token.
        """
        if current_request().method not in _HARMLESS and not is_program():
            super().protect(apply_exemptions)

    def wants_token(self, view: Callable[..., object]) -> bool:
        """Tell whether a view that changes something is asked with a token only."""
        return f"{view.__module__}.{view.__name__}" not in self._exempt_views


csrf = _Protection()
