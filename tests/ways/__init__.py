"""Logins by somebody else's word."""
