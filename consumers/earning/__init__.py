"""Earning: closes the windows in which members earn by being there.

From outside, `open_role` of `role` is called.
"""
