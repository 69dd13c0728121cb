"""The operator's screen: whether all is well, what flows and waits, and what to do next.

`looking` asks the servers, `advice` says what to do about what was seen, `screen` writes both.
"""
