"""Module for tracking and managing user sessions.

Needs the option `timApp.defaultconfig.SESSIONS_ENABLE`. A user can have one or more sessions. A
session says where and when the user logged in, and has a unique id. Sessions may also be expired,
which blocks the user from documents until the session is verified.
"""
