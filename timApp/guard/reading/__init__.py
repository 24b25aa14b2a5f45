"""What is read of sessions: lists, one person's, what was recorded."""
