"""What the guard decides, as pure functions of values: they ask no database and no request."""
