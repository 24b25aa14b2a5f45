"""The pages of supervisors: who waits, who it is, and the verification."""
