"""The fast path to the database: statements as the driver takes them, connections that are kept."""
