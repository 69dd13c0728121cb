"""Prometheus beside twinstream, from deploy/: it reads every process, and an alert fires."""

from typing import Any, Final

import aiohttp
from redis.asyncio import Redis

from launch.waiting import until
from tests.engine.deployment import Deployment
from tests.engine.errors import EngineError
from tests.engine.world import World

#: As docs/operate.md and the header of the file say.
COMMANDS: Final = ("docker compose -f compose.yaml -f deploy/compose.monitoring.yaml up -d",)
FILES: Final = ("-f", "compose.yaml", "-f", "deploy/compose.monitoring.yaml")
PROGRAMS: Final = ("prometheus", "grafana")
#: Grafana is not among Debian's packages. Its stand-in shows the files that it is given.
GRAFANA: Final = "http://127.0.0.1:3000"
GIVEN: Final = {
    "grafana/provisioning/datasources/twinstream.yml": "deploy/grafana/datasource.yml",
    "grafana/provisioning/dashboards/twinstream.yml": "deploy/grafana/dashboards.yml",
    "dashboards/operator.json": "deploy/grafana/operator.json",
    "dashboards/owner.json": "deploy/grafana/owner.json",
}
API: Final = "http://127.0.0.1:9090/api/v1"
#: Seconds until each process was asked once, and until the rules were judged after that.
SEEN_TIMEOUT_S: Final = 120.0
#: A service, and how many processes of it are seen one by one.
SCALED: Final = "to-discord"
PROCESSES: Final = 3
ALERT: Final = "TwinstreamEntryBuried"


async def monitoring(world: World) -> None:
    """Let Prometheus read every process, and see the first buried entry raise its alert."""
    await world.up()
    [up] = COMMANDS
    await world.new.type(up)
    await until("Grafana having its files", lambda: _given(world.new), timeout_s=SEEN_TIMEOUT_S)
    await until("Prometheus reading every process", _reads_all, timeout_s=SEEN_TIMEOUT_S)
    await world.up("--no-recreate", "--scale", f"{SCALED}={PROCESSES}")
    await until("Prometheus reading each process", _reads_scaled, timeout_s=SEEN_TIMEOUT_S)
    await world.up("--no-recreate", "--scale", f"{SCALED}=1")
    await until("Prometheus forgetting two of them", _reads_one, timeout_s=SEEN_TIMEOUT_S)
    groups = (await _ask("rules"))["groups"]
    ill = [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "err"]
    if ill or not groups:
        raise EngineError(f"rules that cannot be judged: {ill}, of {len(groups)} groups")
    if firing := await _firing():
        raise EngineError(f"alerts of a deployment that is well: {firing}")
    await _bury(world.new)
    await until(f"the alert {ALERT}", _alarmed, timeout_s=SEEN_TIMEOUT_S)
    world.say(f"Prometheus reads every process, and {ALERT} fires after the first buried entry")
    [row] = await world.new.ask("SELECT id FROM sync_events WHERE status = 'failed'")
    await world.new.operator("dead", "discard", str(row["id"]))
    await world.new.compose(*FILES, "rm", "--stop", "--force", *PROGRAMS)
    await world.prove()


async def _bury(deployment: Deployment) -> None:
    """Put nonsense on a stream, and wait until it is buried."""
    password = deployment.env["REDIS_CONSUMERS_PASSWORD"]
    client: Any = Redis.from_url(f"redis://consumers:{password}@127.0.0.1:6379/0")
    try:
        await client.xadd("sync:telegram", {"e": b"nonsense"})
    finally:
        await client.aclose()

    async def buried() -> bool:
        return bool(await deployment.ask("SELECT FROM sync_events WHERE status = 'failed'"))

    await until("the burial of nonsense", buried, timeout_s=SEEN_TIMEOUT_S)


async def _given(deployment: Deployment) -> bool:
    async with aiohttp.ClientSession() as session:
        for path, name in GIVEN.items():
            expected = (deployment.checkout / name).read_text(encoding="utf-8")
            try:
                async with session.get(f"{GRAFANA}/{path}") as response:
                    if await response.text() != expected:
                        return False
            except aiohttp.ClientError:
                return False
    return True


async def _reads_all() -> bool:
    try:
        targets = (await _ask("targets"))["activeTargets"]
    except aiohttp.ClientError:
        return False
    return len(targets) > 1 and all(one["health"] == "up" for one in targets)


async def _reads_scaled() -> bool:
    return await _processes() == PROCESSES


async def _reads_one() -> bool:
    return await _processes() == 1


async def _processes() -> int:
    """Count the processes of the scaled service that answer, each at its own address."""
    targets = (await _ask("targets"))["activeTargets"]
    named = [one for one in targets if one["labels"]["instance"].startswith(f"{SCALED} at ")]
    return sum(one["health"] == "up" for one in named)


async def _alarmed() -> bool:
    return ALERT in await _firing()


async def _firing() -> list[str]:
    alerts = (await _ask("alerts"))["alerts"]
    return [one["labels"]["alertname"] for one in alerts if one["state"] == "firing"]


async def _ask(what: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(f"{API}/{what}") as response:
        return (await response.json())["data"]
