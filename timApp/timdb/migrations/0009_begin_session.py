"""A login in one step of the database: PostgreSQL's function `begin_session`.

Revision ID: 0009
Revises: 0007
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Newest first: there the active ones are found soonest.
_HAS_AS_MANY_AS_ALLOWED = """
        most IS NOT NULL AND (
            SELECT count(*) FROM (
                SELECT FROM usersession WHERE user_id = person AND expired_at IS NULL
                ORDER BY logged_in_at DESC, session_id DESC LIMIT most
            ) newest
        ) >= most
"""

# `timApp.auth.session.beginning` says what it does; SQLite, which has no functions, does the same
# in statements. It runs with the rights of its caller, and in the caller's search path like every
# other statement: a path of its own would be set and reset at each call.
_FUNCTION = f"""
CREATE FUNCTION begin_session(
    person integer, new_id text, came_from text, moment timestamptz, most integer,
    by_kind text, by_name text, by_address text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    seems_blocked boolean;
    is_blocked boolean;
BEGIN
    -- Sessions that are blocked from birth leave the number of active ones as it is, so logins
    -- that seem to make one share the lock. It keeps out everybody who changes that number.
    seems_blocked := {_HAS_AS_MANY_AS_ALLOWED};
    IF seems_blocked THEN
        PERFORM FROM useraccount WHERE id = person FOR SHARE;
    ELSE
        PERFORM FROM useraccount WHERE id = person FOR NO KEY UPDATE;
    END IF;
    -- A statement of its own, which sees what was committed before the lock was given.
    is_blocked := {_HAS_AS_MANY_AS_ALLOWED};
    IF seems_blocked AND NOT is_blocked THEN
        RETURN 'again';  -- not with a lock that others share
    END IF;
    INSERT INTO usersession (user_id, session_id, logged_in_at, expired_at, origin)
    VALUES (person, new_id, moment, CASE WHEN is_blocked THEN moment END, came_from)
    ON CONFLICT (user_id, session_id) DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'used';
    END IF;
    INSERT INTO sessionchange
        (at, actor_kind, actor, address, action, user_id, session_id, session_count)
    VALUES
        (moment, by_kind, by_name, by_address,
         CASE WHEN is_blocked THEN 'blocked login' ELSE 'login' END, person, new_id, 1);
    RETURN CASE WHEN is_blocked THEN 'blocked' ELSE 'active' END;
END $$
"""  # noqa: S608 - nothing in it comes from outside


def upgrade() -> None:
    """Make the function."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)


def downgrade() -> None:
    """Drop it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION begin_session")
