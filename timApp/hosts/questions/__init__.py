"""What servers ask each other: who waits there, and about a person."""
