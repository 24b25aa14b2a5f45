"""How migrations are run: where a database stands, one process at a time, and without a jam."""
