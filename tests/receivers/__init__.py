"""Webhooks and Shared Signals."""
