"""What a request says, read before anybody asks who sent it, and how the answer is chosen."""
