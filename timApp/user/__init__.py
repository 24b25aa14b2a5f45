"""The people who log in, and the groups that give them rights."""
