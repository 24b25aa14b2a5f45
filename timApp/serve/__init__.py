"""The server: what `timapp run` starts."""
