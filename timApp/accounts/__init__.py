"""Accounts as a whole: who has one, what it may do, what is held of it, and its end."""
