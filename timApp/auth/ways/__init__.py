"""The ways to log in by somebody else's word, and what they have in common."""
