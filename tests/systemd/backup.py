"""A dump is taken, tried and restored as backup.md says, and what it lacks comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NamedTuple, Self

from launch.sandbox_member import SandboxMember
from launch.waiting import until
from tests.engine.errors import EngineError
from tests.support.page_commands import Statement
from tests.systemd.page_walk import BACKUP, examples_of_a_server
from tests.systemd.world import UNITS, World

#: The name of the dump in the examples.
DUMP: Final = "twinstream-2026-11-29.dump"
#: The consumers without the role `reconcile`, as the page types them at another terminal.
SERVE: Final = "twinstream to-discord to-telegram relay cleanup"
#: The commands of the steps after that, as the page has them for systemd.
LOOK: Final = ("reread --dry-run", "reread", "dead list", "reconcile --now --dry-run")
#: The list of the forgotten, as the page has it.
LIST: Final = "/backup/forgotten.jsonl"
#: Seconds until consumers that were just started have settled the streams again.
SETTLED_TIMEOUT_S: Final = 60.0


class BackupExamples(NamedTuple):
    """The examples of the page, in its order."""

    dump: list[Statement]
    trial: list[Statement]
    restore: list[Statement]
    forget_again: list[Statement]
    keep_a_list: list[Statement]

    @classmethod
    def of_the_page(cls) -> Self:
        """Read them from the page."""
        return cls(*examples_of_a_server(BACKUP))


async def backup(world: World) -> None:
    """Type every command of backup.md: a dump is restored, and what happened since comes back."""
    page = BackupExamples.of_the_page()
    world.administrator.folder = Path("/home/admin")
    today = (await world.server.run("date", "+%F")).output.strip()
    world.administrator.filled_in[DUMP] = f"twinstream-{today}.dump"
    await world.administrator.follow(page.keep_a_list)
    await world.until_well()
    await _forget(world, page.dump)
    await world.play()
    before = await world.totals()
    await world.administrator.follow(page.trial)
    await world.administrator.follow(page.restore)
    if await world.totals() == before:
        raise EngineError("the restored database knows what happened after the backup")
    await world.administrator.follow(page.forget_again)
    async with _serving(world):
        for command in LOOK:
            await world.server.type(f"sudo twinstream {command}")

        async def came_back() -> bool:
            return await world.totals() == before

        await until("the games coming back", came_back, timeout_s=SETTLED_TIMEOUT_S)
    await world.server.run("systemctl", "start", *UNITS)
    await world.until_well()
    if (after := await world.totals()) != before:
        raise EngineError(f"the books were {before}, and are {after} after restoring a backup")
    await world.play()
    await world.prove()


async def _forget(world: World, dump: list[Statement]) -> None:
    """Have a person forgotten who is in the dump, and wait until the list has a line for them."""
    person = await SandboxMember.arrive(world.client, world.endpoints, "Tilda")
    await person.win_in_telegram()
    await world.administrator.follow(dump)
    await world.server.type(f"sudo twinstream forget telegram:{person.telegram_id}", answers="y\n")

    async def listed() -> bool:
        return (await world.server.run("test", "-s", LIST, may_fail=True)).code == 0

    await until("a line in the list of the forgotten", listed)


@contextlib.asynccontextmanager
async def _serving(world: World) -> AsyncIterator[None]:
    """Run the consumers at another terminal, and press Ctrl-C there when the block ends."""
    task = asyncio.create_task(world.server.type(f"sudo {SERVE}", may_fail=True))
    try:
        yield
    finally:
        await world.server.run(
            "pkill", "--signal=INT", "--full", "--oldest", SERVE.partition(" ")[2]
        )
        done = await task
        world.say(f"the consumers were stopped: {done.code}")
