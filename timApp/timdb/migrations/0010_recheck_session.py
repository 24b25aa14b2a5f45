"""A login looks again only at what has blocked it: PostgreSQL's function `begin_session`.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# As many of a person's active sessions as are allowed, if there are so many. Newest first: there
# the active ones are found soonest.
_ACTIVE = """
        SELECT session_id FROM usersession WHERE user_id = person AND expired_at IS NULL
        ORDER BY logged_in_at DESC, session_id DESC LIMIT most
"""

# `timApp.auth.session.beginning` says what it does; SQLite, which has no functions, does the same
# in statements. It runs with the rights of its caller, and in the caller's search path like every
# other statement: a path of its own would be set and reset at each call.
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION begin_session(
    person integer, new_id text, came_from text, moment timestamptz, most integer,
    by_kind text, by_name text, by_address text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    blocking text[];
    is_blocked boolean := false;
BEGIN
    IF most IS NOT NULL THEN
        blocking := ARRAY({_ACTIVE});
        is_blocked := cardinality(blocking) >= most;
    END IF;
    -- What comes behind a lock is a statement of its own, which sees what was committed before the
    -- lock was given.
    IF is_blocked THEN
        -- Sessions that are blocked from birth leave the number of active ones as it is, so their
        -- logins share the lock. It keeps out everybody who changes that number.
        PERFORM FROM useraccount WHERE id = person FOR SHARE;
        IF most > (
            SELECT count(*) FROM usersession
            WHERE user_id = person AND session_id = ANY (blocking) AND expired_at IS NULL
        ) THEN
            RETURN 'again';  -- not with a lock that others share
        END IF;
    ELSE
        PERFORM FROM useraccount WHERE id = person FOR NO KEY UPDATE;
        IF most IS NOT NULL THEN
            is_blocked := most <= (SELECT count(*) FROM ({_ACTIVE}) active);
        END IF;
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

# The function as it was.
_HAS_AS_MANY_AS_ALLOWED = """
        most IS NOT NULL AND (
            SELECT count(*) FROM (
                SELECT FROM usersession WHERE user_id = person AND expired_at IS NULL
                ORDER BY logged_in_at DESC, session_id DESC LIMIT most
            ) newest
        ) >= most
"""
_FUNCTION_BEFORE = f"""
CREATE OR REPLACE FUNCTION begin_session(
    person integer, new_id text, came_from text, moment timestamptz, most integer,
    by_kind text, by_name text, by_address text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    seems_blocked boolean;
    is_blocked boolean;
BEGIN
    seems_blocked := {_HAS_AS_MANY_AS_ALLOWED};
    IF seems_blocked THEN
        PERFORM FROM useraccount WHERE id = person FOR SHARE;
    ELSE
        PERFORM FROM useraccount WHERE id = person FOR NO KEY UPDATE;
    END IF;
    is_blocked := {_HAS_AS_MANY_AS_ALLOWED};
    IF seems_blocked AND NOT is_blocked THEN
        RETURN 'again';
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
    """Replace the function."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)


def downgrade() -> None:
    """Put the one before back."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION_BEFORE)
