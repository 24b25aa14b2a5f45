"""Sessions and their changes, written down for other programs."""
