"""What other servers are owed, and how it is brought to them."""
