"""How it stands with whoever asks, which the front says without the application."""
