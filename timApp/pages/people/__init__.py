"""Pages with which administrators look after people."""
