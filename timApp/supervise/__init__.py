"""The pages of supervisors and administrators."""
