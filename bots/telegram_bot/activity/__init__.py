"""Activity in the group beside commands, as rooms see it."""
