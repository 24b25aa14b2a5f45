"""What people prove who they are with beside their password, and when they did so last."""
