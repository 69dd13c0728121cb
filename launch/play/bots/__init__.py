"""The panel of own bots: it stops our bots to make room for other programs, and starts them again.

Which programs are connected, and with which tokens, the page hears from the sandbox itself. From
outside, call `open_bots`.
"""

from .panel import open_bots

__all__ = ["open_bots"]
