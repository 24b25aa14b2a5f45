"""Protection of the cookie's rights against other sites (CSRF)."""

from flask_wtf.csrf import CSRFProtect

from timApp.request.inputs import current_request

#: Methods that change nothing.
_HARMLESS = frozenset(("GET", "HEAD", "OPTIONS"))


class _Protection(CSRFProtect):
    def protect(self, apply_exemptions: bool = False) -> None:
        """Check a request that may change something, and do not even look at others."""
        if current_request().method not in _HARMLESS:
            super().protect(apply_exemptions)


csrf = _Protection()
