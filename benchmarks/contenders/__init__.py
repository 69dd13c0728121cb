"""Ways to bring a stream's events into the books of the other side. All use the same SQL."""
