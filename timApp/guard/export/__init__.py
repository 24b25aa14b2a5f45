"""Sessions written down for other programs."""
