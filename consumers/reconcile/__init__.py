"""Proving that both sides are the same, and mending what is not."""
