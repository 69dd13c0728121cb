"""Cleanup: trims streams and deletes completed events that are older than 30 days.

The process opens the role; nothing else is used from outside.
"""
