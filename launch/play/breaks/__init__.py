"""The panel of what can be broken: breaks it, watches it heal, and says how long that took.

A breakage is healed when its own damage is gone, new XP crosses over again, and everything that
was recorded meanwhile has arrived: each of them is looked at, none is assumed. From outside, call
`open_breaks`.
"""

from .panel import open_breaks

__all__ = ["open_breaks"]
