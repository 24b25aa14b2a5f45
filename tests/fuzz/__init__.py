"""What strangers may write is read by us: nothing of it is met with an error that nobody meant."""
