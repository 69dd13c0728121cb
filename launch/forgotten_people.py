"""`python -m launch forgotten apply`: forgets again who was forgotten since a restored backup."""

from collections.abc import Callable
from pathlib import Path

from config import Community, Settings
from db import open_pool, open_stores
from db.members import forgetting, forgotten_list
from db.members.forgetting import Account


async def apply(settings: Settings, say: Callable[[str], None]) -> None:
    """Forget every account of the list that this database still has, each in a transaction.

    A second call goes on where the first one ended.

    Raises:
        ConfigError: FORGET_SECRET or the path of the list is not set.
        BadList: the list cannot be read.
        DbError: Postgres cannot be used, or refuses.
    """
    settings.require("database_url", "forget_secret", "twinstream_forgotten_list")
    path, secret = settings.twinstream_forgotten_list, settings.forget_secret
    assert path is not None
    assert secret is not None
    marks = forgotten_list.read(Path(path))
    community = Community.from_toml(Path(settings.twinstream_config))
    pool = await open_pool(settings.database_url or "", name="operator")
    try:
        stores = await open_stores(pool, community.stores.by_platform())
        async with pool.acquire() as conn:
            missing = {one.mark: one for one in await forgotten_list.missing(conn, marks)}
            found = await forgotten_list.find_marked(conn, list(missing.values()), secret=secret)
            for one in found:
                async with conn.transaction(isolation="read_committed"):
                    await forgetting.forget(
                        conn,
                        Account(one.platform, one.account_id),
                        secret=secret,
                        stores=stores,
                        moment=missing[one.mark].forgotten_at,
                    )
            left = await forgotten_list.missing(conn, list(missing.values()))
            await forgotten_list.note(conn, left, secret=secret)
            await forgotten_list.require_applied(conn, Path(path))
    finally:
        await pool.close()
    say(
        f"{len(marks)} lines in {path}: {len(found)} accounts were forgotten again,"
        f" {len(left)} are not in this database."
    )
