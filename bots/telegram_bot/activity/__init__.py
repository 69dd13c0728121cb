"""What members do in the group beside commands, as rooms see it."""
