"""Levels: the members who reached one, so that the bots announce it."""
