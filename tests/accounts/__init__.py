"""Accounts as a whole: made, changed, deleted; what they may do, and what is held of them."""
