"""Protection of the cookie's rights against other sites (CSRF)."""

from flask import current_app, request
from flask_wtf.csrf import CSRFProtect


class _Protection(CSRFProtect):
    def protect(self, apply_exemptions: bool = False) -> None:
        """Check a request that may change something, and do not even look at others."""
        if request.method in current_app.config["WTF_CSRF_METHODS"]:
            super().protect(apply_exemptions)


csrf = _Protection()
