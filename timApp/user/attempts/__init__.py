"""Tries to log in with a password: how fast they may come, and which have failed."""
