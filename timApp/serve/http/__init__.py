"""HTTP/1.1 over connections: what comes is read whole, what goes is written as it is taken."""
