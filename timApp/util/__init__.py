"""Small helpers that know nothing of the rest: the clock, the secret key, the errors."""
