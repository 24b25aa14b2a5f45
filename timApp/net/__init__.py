"""Signed requests between servers: whom there is to ask, how, and what came of it."""
