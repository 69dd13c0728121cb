"""Settling: from the stream of one platform into the books of the other.

The process opens the role; the command `dead` uses `bonuses`, and tests use `entry_decoding`.
"""
