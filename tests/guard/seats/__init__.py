"""Tests of the seats: networks, files, the list, links."""
