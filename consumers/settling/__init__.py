"""Settling: from the stream of one platform into the books of the other.

The process opens the role; nothing else is used from outside but `bonuses` and `triage` in tests.
"""
