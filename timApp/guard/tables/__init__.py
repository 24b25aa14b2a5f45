"""The tables of the guard, and the states of sessions as conditions on them."""
