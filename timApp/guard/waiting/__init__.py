"""Blocked sessions that wait for verification: why, and by which code and link they are named."""
