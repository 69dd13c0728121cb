"""The lines that README and docs give to an operator of Compose are typed as they stand there.

Other phases type some, too: each has its own in `COMMANDS`. tests/unit/repository/pages sees,
without an engine, that no page has a line that no phase types.
"""

import re
import secrets
from typing import Final

from launch.sandbox_member import SandboxMember
from launch.waiting import until
from tests.engine.docker_engine import LOOK_PAUSE_S
from tests.engine.errors import EngineError
from tests.engine.namespaces import COMMAND_TIMEOUT_S
from tests.engine.phases.operation import OWNER
from tests.engine.phases.token_files import NO_SUDO
from tests.engine.terminal import INTERRUPT
from tests.engine.world import World

#: All processes of ours, and the file that the backup's page restores.
OURS: Final = "telegram-bot discord-bot to-discord to-telegram consumers"
DUMP: Final = "twinstream-2026-11-29.dump"
_CHECK: Final = "docker compose run --rm --no-deps migrate python -m launch check"
_COUNTS: Final = '"SELECT status, COUNT(*) FROM sync_events GROUP BY status"'
_POSTGRES: Final = "docker compose exec -T postgres"
_CONSUMERS: Final = "docker compose run --rm consumers python -m consumers"

#: After the first start: production.md, upgrade.md, runbooks.md.
FIRST_LOOK: Final = (
    "docker compose up -d --build --wait",
    "docker compose ps",
    "docker compose logs",
    "docker compose logs --tail 50 telegram-bot",
    "docker compose logs --tail 5 migrate",
    "docker compose exec consumers python -m consumers doctor",
    "docker compose exec consumers python -m consumers status",
)
#: The operator's other looks, all at a deployment that is well: README.md, operate.md, runbooks.md.
LOOKS: Final = (
    "docker compose exec consumers python -m consumers audit",
    "docker compose exec consumers python -m consumers dead list",
    "docker compose exec consumers python -m consumers rebuild",
    "docker compose exec consumers python -m consumers reconcile --now --dry-run",
    "docker compose run --rm --no-deps consumers python -m consumers doctor",
    f"docker compose exec postgres psql -U twinstream -c {_COUNTS}",
    "docker compose exec redis redis-cli --user operator XINFO GROUPS sync:telegram",
    "docker compose exec redis redis-cli --user operator XPENDING sync:telegram discord",
    "docker compose exec redis redis-cli --user operator INFO memory",
)
#: After a change: operate.md, production.md, privacy.md.
CHANGES: Final = (
    _CHECK,
    f"docker compose restart {OURS}",
    f"{_CHECK} && docker compose restart {OURS}",
    r"docker compose exec postgres psql -U twinstream -c '\password'",
    "docker compose up -d --wait",
    "docker compose up -d --scale to-discord=3",
    f"docker compose up -d --force-recreate {OURS}",
)
#: To Postgres and back: backup.md.
RESTORING: Final = (
    "sudo install -o 10001 -m 600 /dev/null /backup/forgotten.jsonl",
    f'{_POSTGRES} pg_dump -U twinstream -Fc twinstream > "twinstream-$(date +%F).dump"',
    f"{_POSTGRES} pg_dump -U twinstream -Fc twinstream > /backup/twinstream-$(date +%F).dump",
    f"docker compose stop {OURS}",
    "docker compose exec postgres dropdb -U twinstream --force twinstream",
    "docker compose exec postgres createdb -U twinstream twinstream",
    f"{_POSTGRES} pg_restore -U twinstream -d twinstream < {DUMP}",
    "docker compose run --rm migrate",
    "docker compose run --rm migrate python -m launch forgotten apply",
    f"{_CONSUMERS} to-discord to-telegram relay cleanup",
    f"{_CONSUMERS} reread --dry-run",
    f"{_CONSUMERS} reread",
    f"{_CONSUMERS} dead list",
    f"{_CONSUMERS} reconcile --now --dry-run",
)
COMMANDS: Final = (*FIRST_LOOK, *LOOKS, *CHANGES, *RESTORING)
FORGOTTEN_LIST: Final = "TWINSTREAM_FORGOTTEN_LIST"
#: The line of the consumers' log that says that their roles are at work.
AT_WORK: Final = r"consumers\.started"


async def pages(world: World) -> None:
    """Type each line that README and docs give to an operator of Compose."""
    await world.up()
    await world.play()
    await _look(world)
    await _change(world)
    await _restore(world)
    await world.play()
    await world.prove()
    world.say(f"{len(COMMANDS)} lines of the pages do what the pages say")


async def _look(world: World) -> None:
    """Look at a deployment that is well: every command exits with 0 and shows it."""
    up, containers, logs, last_lines, migrated, doctor, status = FIRST_LOOK
    await world.new.type(up)
    services = await world.new.services()
    shown = await world.new.type(containers)
    _see(containers, shown, *(rf"{service}.*\(healthy\)" for service in services))
    _see(logs, await world.new.type(logs), *(rf"(?m)^{service}" for service in services))
    _see(last_lines, await world.new.type(last_lines), r"(?m)^telegram-bot")
    _see(migrated, await world.new.type(migrated), r"(?m)^migrate")
    _see(doctor, await world.new.type(doctor), "fine +Postgres", "fine +Redis")
    _see(status, await world.new.type(status), "Postgres", "Redis")
    said = {command: await world.new.type(command) for command in LOOKS}
    *_, counts, groups, pending, memory = LOOKS
    _see(counts, said[counts], "completed")
    _see(groups, said[groups], "discord")
    _see(pending, said[pending], "0")
    _see(memory, said[memory], "maxmemory")


async def _change(world: World) -> None:
    """Take over changes of settings and of the owner's password, run more, and begin new logs."""
    check, restart, check_and_restart, password, up, scale, recreate = CHANGES
    _see(check, await world.new.type(check), "[1-9] ranks")
    for command in (restart, check_and_restart):
        before = await _beginnings(world)
        await world.new.type(command)
        await world.new.until_well()
        if kept := before & await _beginnings(world):
            raise EngineError(f"`{command}` left processes as they were: {kept}")
    new = secrets.token_hex(24)
    await world.new.type(password, {"Enter new password.*: ": new, "Enter it again: ": new})
    world.new.set({OWNER: new})
    await world.new.type(up)
    await world.new.type(scale)
    await world.new.until_well()
    if (count := len(await world.new.containers_of("to-discord"))) != 3:
        raise EngineError(f"`{scale}` runs {count} of them")
    await world.new.type(up)
    before = await _beginnings(world)
    await world.new.type(recreate)
    await world.new.until_well()
    if kept := before & await _beginnings(world):
        raise EngineError(f"`{recreate}` kept containers with their logs: {kept}")


async def _restore(world: World) -> None:
    """Restore a backup: what was won since comes back, and whoever was forgotten since does not."""
    make_list, dump, nightly_dump, stop, *more = RESTORING
    drop, create, restore, migrate, forget_again, serve, *others = more
    await world.new.type(f"mkdir -p /backup; {NO_SUDO}; {make_list}")
    world.new.set({FORGOTTEN_LIST: "/backup/forgotten.jsonl"})
    await world.up()
    person = await SandboxMember.arrive(world.client, world.endpoints, "Vera")
    await person.win_in_telegram()
    await world.new.type(dump)
    await world.new.type(nightly_dump)
    await world.new.type(f"mv twinstream-*.dump {DUMP}")
    await world.play()
    before = await world.totals()
    await world.new.operator("forget", f"telegram:{person.telegram_id}", "--yes")
    await until(
        "a line of the list",
        lambda: _listed(world),
        timeout_s=COMMAND_TIMEOUT_S,
        pause_s=LOOK_PAUSE_S,
    )
    await world.new.type(stop)
    if left := await _beginnings(world):
        raise EngineError(f"`{stop}` left running: {left}")
    for command in (drop, create, restore, migrate):
        await world.new.type(command)
    if await world.totals() == before:
        raise EngineError("the restored database knows what happened after the backup")
    refused = await world.new.compose(*serve.split()[2:], may_fail=True)
    if not refused.code or "forgotten apply" not in refused.output:
        raise EngineError(f"consumers on a database with a forgotten person: {refused}")
    _see(forget_again, await world.new.type(forget_again), "1 accounts were forgotten again")
    async with world.new.terminal(serve) as terminal:
        await terminal.until(AT_WORK, timeout_s=COMMAND_TIMEOUT_S)
        for command in others:
            await world.new.type(command)

        async def came_back() -> bool:
            return await world.totals() == before

        await until("the game coming back", came_back, timeout_s=COMMAND_TIMEOUT_S)
        terminal.type(INTERRUPT)
        await terminal.ended(timeout_s=COMMAND_TIMEOUT_S)
    world.new.set({FORGOTTEN_LIST: ""})
    await world.up()
    # Rereading buried anew the nonsense that an earlier phase left on a stream.
    for row in await world.new.ask("SELECT id FROM sync_events WHERE status = 'failed'"):
        await world.new.operator("dead", "discard", str(row["id"]))
    await world.new.type("rm -r /backup")
    if (after := await world.totals()) != before:
        raise EngineError(f"the books were {before}, and are {after} after restoring a backup")


async def _listed(world: World) -> bool:
    return bool((await world.engine.run("cat", "/backup/forgotten.jsonl")).output)


async def _beginnings(world: World) -> set[tuple[str, str]]:
    """Return the processes of ours that run, as their service and the time of their start."""
    servers = ("redis", "postgres")
    return {
        (one.service, one.started_at)
        for one in await world.new.containers()
        if one.service not in servers and one.status == "running"
    }


def _see(command: str, said: str, *promised: str) -> None:
    """See that a command said what its page promises.

    Raises:
        EngineError: it did not.
    """
    if missing := [pattern for pattern in promised if not re.search(pattern, said)]:
        raise EngineError(f"`{command}` did not say {missing}, but:\n{said[-3000:]}")
