"""Slips of paper with which people log in for the first time."""

from pathlib import Path
from urllib.parse import urlencode

from flask import Flask
from markupsafe import Markup

from timApp.guard.waiting.qr import qr_svg

_STYLE = Path(__file__).parent / "static" / "slips.css"


def add_slips(app: Flask) -> None:
    """Let templates draw QR codes."""
    app.jinja_env.filters["qr"] = lambda text: Markup(qr_svg(text))  # noqa: S704 - drawn by segno


def slips_style() -> Markup:
    """Return the style of slips, for a page that stands by itself."""
    return Markup(_STYLE.read_text("utf-8"))  # noqa: S704 - a file of ours


def login_address(base_url: str, name: str) -> str:
    """Return the address of the login with the name filled in."""
    return f"{base_url.rstrip('/')}/login?{urlencode({'username': name})}"
