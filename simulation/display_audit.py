"""Displayed roles and tags must match the books of their platform, once nothing is unfinished."""

from collections.abc import Iterator, Sequence

from config import Community

from .platforms import FOREIGN_ROLE, DiscordServer, Platform, TelegramGroup
from .postgres import RealPostgres

_BOOKS = """
    SELECT a.account_id, s.xp, array(
        SELECT achievement FROM achievements AS h
        WHERE h.member_id = a.member_id AND h.platform = a.platform
    ) AS achievements
    FROM accounts AS a JOIN sync_state AS s USING (member_id, platform)
    WHERE a.platform = $1 ORDER BY a.account_id
"""


def still_to_show(real: RealPostgres, platforms: Sequence[Platform]) -> dict[str, int]:
    """Count surfaces that are not shown as wanted, and requests under way."""
    [(surfaces,)] = real.fetch("SELECT count(*) FROM surfaces WHERE wanted IS DISTINCT FROM shown")
    counts = {f"requests to {one.name}": one.under_way for one in platforms}
    return {what: count for what, count in (counts | {"surfaces": surfaces}).items() if count}


def display_breaches(
    real: RealPostgres, community: Community, discord: DiscordServer, telegram: TelegramGroup
) -> Iterator[str]:
    """Yield each member whose roles or tag differ from their books."""
    for account, xp, achievements in real.fetch(_BOOKS, "discord"):
        roles = community.roles_for(_rank(community, xp), achievements) | {FOREIGN_ROLE}
        if (shown := discord.roles_of(account)) != roles:
            yield f"discord {account} has the roles {sorted(shown)}, the books say {sorted(roles)}"
    for account, xp, _ in real.fetch(_BOOKS, "telegram"):
        rank = community.rank(_rank(community, xp))
        tag = rank.telegram_tag if rank else ""
        if (shown_tag := telegram.tag_of(account)) != tag:
            yield f"telegram {account} has the tag {shown_tag!r}, the books say {tag!r}"


def _rank(community: Community, xp: int) -> int:
    """Count the thresholds that were reached, without the code under test."""
    return sum(xp >= rank.xp for rank in community.ranks)
