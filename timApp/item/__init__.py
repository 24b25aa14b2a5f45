"""Things that people have rights to."""
