"""Backups: one file with all of a database, of which one of either kind can be made."""
