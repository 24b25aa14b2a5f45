"""A newer version of the program, as far as its migrations go: ours, and one more."""

from pathlib import Path

from alembic.script import ScriptDirectory

from timApp.database.migrate import MIGRATIONS, scripts

#: The newest revision of this version.
HEAD = scripts().get_current_head() or ""

_MIGRATION = '''"""What a newer version adds."""

import sqlalchemy as sa
from alembic import op

from timApp.database.migrating import concurrently

revision = "{revision}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    {up}


def downgrade() -> None:
    {down}
'''


def newer_scripts(
    folder: Path, up: str, down: str = "pass", revision: str = "v1_9001"
) -> ScriptDirectory:
    """Return this version's migrations and one that does that, written into the folder."""
    text = _MIGRATION.format(revision=revision, head=HEAD, up=up, down=down)
    (folder / f"{revision}.py").write_text(text)
    return ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS), str(folder)])
