"""The guard: its rules, its operations, and its face."""
