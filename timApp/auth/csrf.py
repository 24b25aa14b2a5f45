"""Protection of the cookie's rights against other sites (CSRF)."""

from flask_wtf.csrf import CSRFProtect

csrf = CSRFProtect()
