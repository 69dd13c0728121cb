"""The reasons to refuse a page: it was changed on its way, is foreign, incomplete or too old."""

from datetime import datetime, timedelta
from typing import NamedTuple

from db.reconcile.pages import PageRecord
from schemas import SnapshotPage, page_checksum


class ServedCommunity(NamedTuple):
    """The community that this deployment serves."""

    chat_id: int
    guild_id: int


def refusal(
    page: SnapshotPage,
    record: PageRecord,
    served: ServedCommunity,
    now: datetime,
    *,
    age_s_max: float,
) -> str | None:
    """Say why nothing may be concluded from a page; None if everything may."""
    if page_checksum(page) != page.checksum:
        return "its checksum is wrong: it was changed or cut short on its way"
    if (page.chat_id, page.guild_id) != served:
        return (
            f"it is of another community (chat {page.chat_id}, server {page.guild_id});"
            f" this one is chat {served.chat_id}, server {served.guild_id}"
        )
    if page.count != len(page.rows) or page.count != record.rows:
        return f"it should have {record.rows} rows, says {page.count}, and has {len(page.rows)}"
    if any(not page.after < row.id <= page.upto for row in page.rows) and page.part != "touched":
        return f"it has rows outside of its range, {page.after} to {page.upto}"
    age = now - page.taken_at
    if age > timedelta(seconds=age_s_max):
        return f"it was taken {age.total_seconds():.0f} s ago, more than {age_s_max:.0f} s"
    return None
