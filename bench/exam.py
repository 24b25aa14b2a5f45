"""A document that everybody may read, and a site to work on it beside the server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from timApp.app import create_app
from timApp.auth.site import db
from timApp.document.model import save_document
from timApp.item.accesstype import AccessType
from timApp.item.block import grant_access
from timApp.user.user import User
from timApp.user.usergroup import membership, require_real_group

_PATH = "exam"
#: Where the document is.
DOCUMENT = f"/view/{_PATH}"


@contextmanager
def site(url: str, folder: Path) -> Iterator[None]:
    """Work on the database as the application does."""
    app = create_app(
        {"DATABASE_URL": url, "INSTANCE_PATH": str(folder), "SECRET_KEY": "a key of the bench"}
    )
    with app.app_context():
        yield
        db.session.close()
        db.engine.dispose()


def add_document() -> None:
    """Add the document, and let everybody view it."""
    document, _ = save_document(db, _PATH, "# Exam\n\n" + "A question of some length.\n\n" * 20)
    group = require_real_group(db, "students")
    grant_access(db, document.block, group, AccessType.VIEW)
    members = sa.select(User.id, sa.literal(group.id))
    columns = [membership.c.user_id, membership.c.usergroup_id]
    db.session.execute(sa.insert(membership).from_select(columns, members))
    db.session.commit()
