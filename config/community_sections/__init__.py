"""Sections of twinstream.toml: one file for each, with the function that finds its problems."""
