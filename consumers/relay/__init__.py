"""The relay: publishes events that a crash left unpublished.

The process opens the role; nothing else is used from outside.
"""
