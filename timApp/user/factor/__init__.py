"""What people prove who they are with, beyond their login."""
