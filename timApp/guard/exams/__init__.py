"""Exams: planned, looked up, begun and ended."""
