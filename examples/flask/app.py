"""A Flask application that is guarded: people log in at timApp's page."""

from flask import Flask
from markupsafe import escape

from timApp.embed.flask import UserSessions, current_name

app = Flask(__name__)
UserSessions(app)


@app.get("/")
def index() -> str:
    """Greet whoever is let in."""
    return f"<h1>Hello, {escape(current_name())}.</h1>"
