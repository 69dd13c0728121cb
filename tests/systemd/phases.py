"""The phases, in the order in which they run. Each leaves the deployment up and well."""

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from launch.waiting import until
from tests.engine.errors import EngineError
from tests.systemd.backup import backup
from tests.systemd.page_walk import (
    APP,
    ETC,
    PRODUCTION,
    START,
    UPGRADE,
    of_a_server,
    statement,
)
from tests.systemd.world import UNITS, World

#: Seconds until systemd has started a process again: two of them are `RestartSec=`.
RESTARTED_TIMEOUT_S: Final = 30.0
#: A migration of the next release: it changes nothing, and leaves its version.
NEXT_MIGRATION: Final = "99990101000000_of_the_next_release.sql"
MIGRATION: Final = "-- migrate:up\nSELECT 1;\n\n-- migrate:down\nSELECT 1;\n"


async def install(world: World) -> None:
    """Type every command of start.md and production.md, on a server without anything of ours."""
    for one in (*of_a_server(START), *of_a_server(PRODUCTION)):
        await world.administrator.type(one)
        if "*.env " in one.command:
            await world.name_platforms()
        if re.search("systemctl (?:enable|restart|start) .*twinstream@", one.command):
            await world.until_well()
    world.say("every unit is active, and `status` says that all is well")


async def play(world: World) -> None:
    """Let a member earn on each platform and be seen on the other one."""
    await world.play()
    world.say(f"a member's books: {await world.totals()}")
    await world.prove()


async def kill(world: World) -> None:
    """Kill the process of each unit; it comes back, and the platforms' totals stay equal."""
    for unit in UNITS:
        before = await world.show(unit, "MainPID", "NRestarts")
        await world.server.run("systemctl", "kill", "--signal=KILL", unit)

        async def came_back(unit: str = unit, before: dict[str, str] = before) -> bool:
            now = await world.show(unit, "MainPID", "NRestarts", "ActiveState")
            is_another = now["MainPID"] not in ("0", before["MainPID"])
            counted = int(now["NRestarts"]) == int(before["NRestarts"]) + 1
            return is_another and counted and now["ActiveState"] == "active"

        await until(f"{unit} coming back", came_back, timeout_s=RESTARTED_TIMEOUT_S)
        world.say(f"{unit} was killed and came back")
    await world.until_well()
    await world.play()


async def reboot(world: World) -> None:
    """Reboot the server; everything starts by itself, and nothing is lost."""
    before = await world.totals()
    await world.server.reboot()
    await world.until_well()
    if (after := await world.totals()) != before:
        raise EngineError(f"before the reboot the books were {before}, and {after} after it")
    await world.play()


async def secrets(world: World) -> None:
    """See that each process is shown its own secrets only, and that none is told."""
    folder = ETC / "secrets"
    files = (await world.server.run("ls", str(folder))).output.split()
    readable = await world.server.type(f"sudo -u twinstream cat {folder}/*", may_fail=True)
    if not readable.code or "Permission denied" not in readable.output:
        raise EngineError(f"the user of the processes reads {folder}: {readable.output[:200]}")
    said = "".join([await world.journal(unit) for unit in UNITS])
    for unit in UNITS:
        pid = (await world.show(unit, "MainPID"))["MainPID"]
        said += (await world.server.run("cat", f"/proc/{pid}/environ")).output
        shown = await _shown(world, pid)
        promised = await _promised(world, unit)
        if shown != promised:
            raise EngineError(f"{unit} can read {sorted(shown)}, and not {sorted(promised)}")
    for name in files:
        value = (await world.server.run("cat", str(folder / name))).output.strip()
        if value in said:
            raise EngineError(f"the journal or an environment has the content of {name}")
    world.say(f"{len(files)} secrets: each process reads its own ones, and none is told")


async def _shown(world: World, pid: str) -> set[str]:
    """Return the credentials that this process can read, those of others included."""
    found = await world.server.run(
        *("nsenter", f"--target={pid}", "--mount", "--"),
        *("setpriv", "--reuid=twinstream", "--regid=twinstream", "--clear-groups", "--"),
        *("find", "/run/credentials", "-type", "f", "-readable", "-printf", "%P\\n"),
        may_fail=True,  # it may not look into the folders of others
    )
    return {line for line in found.output.split("\n") if line and "Permission" not in line}


async def _promised(world: World, unit: str) -> set[str]:
    """Return the credentials that the files of the unit name."""
    text = (await world.server.run("systemctl", "cat", unit)).output
    names = re.findall(r"^LoadCredential=(\w+):", text, re.MULTILINE)
    return {f"{unit}.service/{name}" for name in names}


async def settings(world: World) -> None:
    """Make one mistake after the other; each is told, and no process is started in vain."""
    check = statement(PRODUCTION, "launch check")
    start = statement(PRODUCTION, "sudo systemctl start twinstream@consumers")
    toml = ETC / "twinstream.toml"
    text = (await world.server.run("cat", str(toml))).output
    pids = [await world.show(unit, "MainPID") for unit in UNITS]
    await _write(world, toml, text.replace("[[ranks]]", "[[rnaks]]"))
    done = await world.administrator.type(check, may_fail=True)
    if not done.code or "rnaks" not in done.output:
        raise EngineError(f"the check ended with {done.code}, and said:\n{done.output}")
    if [await world.show(unit, "MainPID") for unit in UNITS] != pids:
        raise EngineError("the check failed, and processes were restarted all the same")
    await world.server.run("systemctl", "restart", *UNITS, may_fail=True)
    for unit in UNITS:
        await _stays_down(world, unit, "2", "rnaks")
    await _write(world, toml, text)
    await world.administrator.type(start)
    await world.until_well()
    await _without_a_secret(world)
    await world.administrator.type(start)
    await world.until_well()
    await world.play()


async def _without_a_secret(world: World) -> None:
    """Take a token away: the unit that needs it says so and stays down."""
    unit = UNITS[1]
    token = ETC / "secrets/telegram_token"
    await world.server.run("mv", str(token), f"{token}.away")
    await world.server.run("systemctl", "restart", unit, may_fail=True)
    await _stays_down(world, unit, "243", "")
    shown = await world.server.type(f"systemctl status {unit}", may_fail=True)
    if "status=243/CREDENTIALS" not in shown.output:
        raise EngineError(
            f"`systemctl status` does not say what production.md has:\n{shown.output}"
        )
    await world.server.run("mv", f"{token}.away", str(token))


async def _stays_down(world: World, unit: str, code: str, told: str) -> None:
    """See that a unit ended with this code, was not started again, and said this at last."""

    async def ended() -> dict[str, str] | None:
        now = await world.show(unit, "ActiveState", "SubState", "ExecMainStatus", "NRestarts")
        return now if now["ActiveState"] not in ("active", "activating") else None

    now = await until(f"the end of {unit}", ended, timeout_s=RESTARTED_TIMEOUT_S) or {}
    last = (await world.journal(unit)).strip().splitlines()
    expected = {"ActiveState": "failed", "SubState": "failed", "ExecMainStatus": code}
    if {**now, **expected} != now or now["NRestarts"] != "0":
        raise EngineError(f"{unit} is {now}; expected {expected} and no restart")
    if told and not any(told in line for line in last[-5:]):
        raise EngineError(f"the journal of {unit} does not end with {told!r}:\n{last[-5:]}")


async def _write(world: World, path: Path, text: str) -> None:
    """Write into a file, as an editor that keeps its owner and its mode."""
    await world.server.run("sh", "-c", f"cat > {path}", stdin=text.encode())


async def upgrade(world: World) -> None:
    """Type every command of upgrade.md, while the repository has a newer release."""
    (world.checkout / "db/migrations" / NEXT_MIGRATION).write_text(MIGRATION, encoding="utf-8")
    world.commit("The next release")
    world.git("push", "--quiet", "origin", "main")
    before = [await world.show(unit, "MainPID") for unit in UNITS]
    world.administrator.folder = APP
    for one in of_a_server(UPGRADE):
        await world.administrator.type(one)
        if "systemctl restart" in one.command:
            await world.until_well()
    version = NEXT_MIGRATION.partition("_")[0]
    if not await world.ask("SELECT 1 FROM schema_migrations WHERE version = $1", version):
        raise EngineError("the upgrade has not migrated the database")
    if any(one in before for one in [await world.show(unit, "MainPID") for unit in UNITS]):
        raise EngineError("a process of the release before goes on")
    await world.play()
    await world.prove()


INSTALLING: Final = "install"
PHASES: Final[Mapping[str, Callable[[World], Awaitable[None]]]] = {
    INSTALLING: install,
    "play": play,
    "kill": kill,
    "reboot": reboot,
    "secrets": secrets,
    "settings": settings,
    "upgrade": upgrade,
    "backup": backup,
}
