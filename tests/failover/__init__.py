"""The leader of two PostgreSQL nodes is killed under load: `python -m tests.failover`."""
