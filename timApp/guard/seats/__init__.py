"""Seats: which network is whose, the file that says so, and the links that kiosks open."""
