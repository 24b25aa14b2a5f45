"""Many logins in one step of the database: PostgreSQL's function `begin_sessions`.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# The people come in the order of their numbers, in which everybody locks them, so never in a ring.
# Who has to be asked again has left a lock that others share. To take it for oneself alone could
# make a ring with those others, so whatever else there is of that person is asked again, too.
_FUNCTION = """
CREATE FUNCTION begin_sessions(
    people integer[], new_ids text[], came_from text[], moments timestamptz[], most integer[],
    by_kinds text[], by_names text[], by_addresses text[]
) RETURNS text[] LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    outcome text;
    outcomes text[] := '{}';
BEGIN
    FOR i IN 1 .. cardinality(people) LOOP
        IF outcome IS DISTINCT FROM 'again' OR people[i] <> people[i - 1] THEN
            outcome := begin_session(
                people[i], new_ids[i], came_from[i], moments[i], most[i],
                by_kinds[i], by_names[i], by_addresses[i]
            );
        END IF;
        outcomes[i] := outcome;
    END LOOP;
    RETURN outcomes;
END $$
"""


def upgrade() -> None:
    """Create the function."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)


def downgrade() -> None:
    """Drop it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION begin_sessions")
