"""The limits on repairs: beyond them nothing is repaired before an operator accepts it."""

from collections.abc import Sequence

from config import ReconcileSetting
from db.reconcile.drift import Tally


def too_much(tallies: Sequence[Tally], limits: ReconcileSetting) -> str | None:
    """Say which limit a pass would exceed if it repaired everything it found; None if none.

    `members_always` members may differ in any case, so that one mistake does not stop the pass over
    a small community.
    """
    for one in tallies:
        allowed = max(limits.members_always, limits.members_share_max * one.looked_at)
        where = f"{one.platform} {one.subject}"
        if one.differing > allowed:
            return (
                f"{where}: {one.differing} of {one.looked_at} members differ, more than"
                f" members_share_max = {limits.members_share_max} allows"
            )
        if one.xp > limits.xp_max:
            return f"{where}: {one.xp} XP would change, more than xp_max = {limits.xp_max}"
        if one.balance > limits.balance_max:
            return (
                f"{where}: {one.balance} of balance would change, more than"
                f" balance_max = {limits.balance_max}"
            )
    return None
