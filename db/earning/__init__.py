"""Earning by being there: messages, voice, reactions received, added up in open windows.

The ledger is kept for ever, so such amounts do not become an event each. `twinstream.earn` adds
them to a window, a row of Postgres for each account and reason; a window becomes one event when it
is closed. From outside, use `Earnings` in bots and `windows` in the consumers.
"""

from .earnings import Earnings, Outcome
from .windows import Earned, Earning, Rules

__all__ = ["Earned", "Earning", "Earnings", "Outcome", "Rules"]
