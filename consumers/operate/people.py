"""`python -m consumers forget` and `export`: for an owner to whom a person wrote an e-mail."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from config import Community, ConfigError, Settings
from config.outside_text.terminal import Terminal
from consumers.forgetting.role import Forgetting
from consumers.runtime.resources import Resources, open_resources
from consumers.runtime.transactions import transaction
from db import PLATFORMS, Platform, open_pool
from db.members import forgetting, privacy
from db.members.forgetting import Account

EXIT_CODE_DONE: Final = 0
EXIT_CODE_NOT_DONE: Final = 1
#: Seconds between two steps, and between two looks at whether the roles and the tag are off.
STEP_S: Final = 0.5
#: Seconds that the display roles have to take the roles and the tag off.
UNDRESS_S: Final = 30.0
ID_MAX: Final = 2**63 - 1


def read_account(written: str) -> Account:
    """Read `telegram:1001`.

    Raises:
        ConfigError: it is written in another way.
    """
    name, _, digits = written.partition(":")
    platforms: dict[str, Platform] = {one: one for one in PLATFORMS}
    is_id = digits.isascii() and digits.isdigit() and 0 < int(digits or 0) <= ID_MAX
    if name not in platforms or not is_id:
        raise ConfigError(f"{written!r} names no account: write telegram:1001 or discord:2001")
    return Account(platforms[name], int(digits))


async def export(settings: Settings, console: Terminal, account: Account, file: Path | None) -> int:
    """Write everything that is stored about a person to a file, or to standard output."""
    name = f"{account.platform}:{account.account_id}"
    pool = await open_pool(settings.database_url or "", name="operator", size_max=1)
    async with pool, pool.acquire() as conn:
        stored = await privacy.stored_of(conn, *account)
        exported = await privacy.export_of(conn, *account, entries_max=None)
    if not stored:
        console.print(f"Nothing is stored about {name}.")
        return EXIT_CODE_NOT_DONE
    if file is None:
        console.print_json(exported, ensure_ascii=True)
        return EXIT_CODE_DONE
    await asyncio.to_thread(_write, file, exported)
    console.print(f"{file} holds what is stored about {name}.")
    return EXIT_CODE_DONE


def _write(file: Path, exported: str) -> None:
    """Write a file for its owner alone."""
    file.touch(mode=0o600)
    file.write_text(f"{exported}\n", encoding="utf-8")


async def forget(
    settings: Settings, console: Terminal, account: Account, *, confirm: Callable[[str], bool]
) -> int:
    """Forget a person, after a confirmation that names what is lost. Returns the exit code.

    Raises:
        ConfigError: FORGET_SECRET is not set.
    """
    settings.require("forget_secret")
    community = Community.from_toml(Path(settings.twinstream_config))
    async with open_resources(settings, community, asyncio.Event()) as resources:
        async with transaction(resources.pool) as conn:
            stored = await privacy.stored_of(conn, *account)
        for one in stored:
            console.print(
                f"{one.platform}:{one.account_id}: {one.entries:,} ledger entries", soft_wrap=True
            )
        if stored:
            console.print(
                f"The member has {stored[0].xp:,} XP and a balance of {stored[0].balance:,}.",
                soft_wrap=True,
            )
        else:
            console.print(
                "Nothing is stored about this account; entries that still come will not count."
            )
        if not confirm("Forget this person? Nobody can undo it."):
            console.print("Nothing was changed.")
            return EXIT_CODE_NOT_DONE
        return await _forget(resources, console, account)


async def _forget(resources: Resources, console: Terminal, account: Account) -> int:
    role = Forgetting(resources, undress_s=UNDRESS_S)
    async with transaction(resources.pool) as conn:
        await forgetting.ask_as_owner(conn, *account)
    while True:
        await role.step()
        async with transaction(resources.pool) as conn:
            failed = {(one.platform, one.account_id): one for one in await forgetting.failed(conn)}
            waiting = await forgetting.waiting(conn)
        if (why := failed.get(account)) is not None:
            console.print(
                f"Not forgotten: {why.error}. It is tried again every minute.", soft_wrap=True
            )
            return EXIT_CODE_NOT_DONE
        if not waiting:
            console.print("Forgotten. Names and ids are gone from Postgres and from Redis.")
            return EXIT_CODE_DONE
        await asyncio.sleep(STEP_S)
