"""The gate in front of other programs."""
