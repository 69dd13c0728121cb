"""The decisions of a pass, all pure: where it looks, what differs, what is refused and repaired.

No function here reads or writes anything. From outside, call each by its module.
"""
