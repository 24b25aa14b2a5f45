"""What programs that watch a server ask: whether it is there, whether it can work, how it goes."""
