"""Proof of who somebody is beyond their login: the password again, and passkeys."""
