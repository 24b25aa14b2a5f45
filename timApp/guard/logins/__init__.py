"""Sessions that begin: what is looked at under the lock, and what is written for each."""
