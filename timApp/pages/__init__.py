"""The pages of people, supervisors and administrators."""
