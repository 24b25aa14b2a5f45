"""Database models for session management."""

from timApp.guard.tables.session import UserSession

__all__ = ["UserSession"]
