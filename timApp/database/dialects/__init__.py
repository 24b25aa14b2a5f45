"""What is done otherwise on SQLite than on PostgreSQL: connections, errors, SQL, types."""
