"""What members wear must be what their platform's books say, once everything has come to rest."""

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
    """Count what is not shown as wanted, and requests that are under way."""
    [(surfaces,)] = real.fetch("SELECT count(*) FROM surfaces WHERE wanted IS DISTINCT FROM shown")
    counts = {f"requests to {one.name}": one.under_way for one in platforms}
    return {what: count for what, count in (counts | {"surfaces": surfaces}).items() if count}


def appearance(
    real: RealPostgres, community: Community, discord: DiscordServer, telegram: TelegramGroup
) -> Iterator[str]:
    """Yield whoever wears something else than their books say."""
    for account, xp, achievements in real.fetch(_BOOKS, "discord"):
        roles = community.roles_for(_rank(community, xp), achievements) | {FOREIGN_ROLE}
        if (worn := discord.wears(account)) != roles:
            yield f"discord {account} wears {sorted(worn)}, their books say {sorted(roles)}"
    for account, xp, _ in real.fetch(_BOOKS, "telegram"):
        rank = community.rank(_rank(community, xp))
        tag = rank.telegram_tag if rank else ""
        if (worn_tag := telegram.wears(account)) != tag:
            yield f"telegram {account} wears {worn_tag!r}, their books say {tag!r}"


def _rank(community: Community, xp: int) -> int:
    """Count the thresholds that were reached, as nobody else does."""
    return sum(xp >= rank.xp for rank in community.ranks)
