"""Kills under load, and a ledger that tells whether anything was lost: `python -m tests.storm`."""
