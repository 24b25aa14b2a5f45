"""The pages of exams: planned, changed, deleted, begun and ended."""
