"""What keeps the tables of sessions as they should be: they forget, and they are looked over."""
