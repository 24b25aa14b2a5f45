"""Class lists: files of people, what they would change, and the slips with which people log in."""
