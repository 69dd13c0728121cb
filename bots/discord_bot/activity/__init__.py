"""Activity in the server beside commands, as rooms see it."""
