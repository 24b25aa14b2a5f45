"""Measures timApp against its floors and its peers: `python -m bench`."""
