"""Every service is restarted and killed, and consumers are scaled, while events are recorded."""

import json
from typing import Final

from launch.waiting import until
from tests.engine.deployment import CONSUMERS, SETTLING, Container
from tests.engine.docker_engine import LOOK_PAUSE_S
from tests.engine.errors import EngineError
from tests.engine.event_traffic import traffic
from tests.engine.world import World

#: Seconds until the engine has started a killed container again.
RESTARTED_TIMEOUT_S: Final = 60.0
SCALE: Final = 3
#: Seconds until each process has leased a number of its own.
NUMBERED_TIMEOUT_S: Final = 120.0
#: Seconds after which a consumer that asked for nothing is away: it asks every few seconds.
AWAY_S: Final = 10.0


async def restart(world: World) -> None:
    """Restart each service by itself."""
    await world.up()
    async with traffic(world.new, "restart", world.say) as program:
        for service in await world.new.services():
            await world.new.compose("restart", service)
            await world.new.until_well()
            await program.goes_on()
            world.say(f"{service} was restarted")
    await world.play()
    await world.prove()


async def kill(world: World) -> None:
    """Kill each service's first process, as the kernel does when memory is short."""
    await world.up()
    async with traffic(world.new, "kill", world.say) as program:
        for service in await world.new.services():
            for container in await world.new.containers_of(service):
                await _kill(world, container)
            await world.new.until_well()
            await program.goes_on()
            world.say(f"{service} was killed and came back")
    await world.play()
    await world.prove()


async def scale(world: World) -> None:
    """Run each consumer three times, under numbers of their own, kill one, and go back to one."""
    await world.up()
    killed = SETTLING[0]

    async def numbered() -> bool:
        return await _numbered(world)

    async with traffic(world.new, "scale", world.say) as program:
        await world.up("--no-recreate", *_scaled(SCALE))
        await until(
            "a number for each process",
            numbered,
            timeout_s=NUMBERED_TIMEOUT_S,
            pause_s=LOOK_PAUSE_S,
        )
        await _kill(world, (await world.new.containers_of(killed))[0])
        await world.new.until_well()
        await until(
            "each number being taken again",
            numbered,
            timeout_s=NUMBERED_TIMEOUT_S,
            pause_s=LOOK_PAUSE_S,
        )
        await program.goes_on()
        await world.up("--no-recreate", *_scaled(1))
    for service in CONSUMERS:
        count = len(await world.new.containers_of(service))
        if count != 1:
            raise EngineError(f"{count} containers of {service} are left")
    world.say(f"{', '.join(CONSUMERS)} ran {SCALE} times, each process under a number of its own")
    await world.play()
    await world.prove()


def _scaled(count: int) -> list[str]:
    """Return the options of `up` that run each consumer so many times. Pure."""
    return [option for one in CONSUMERS for option in ("--scale", f"{one}={count}")]


async def _kill(world: World, container: Container) -> None:
    await world.engine.run("sh", "-c", f"kill -KILL {container.pid}")

    async def came_back() -> bool:
        return any(
            one.restarts > container.restarts and one.status == "running"
            for one in await world.new.containers_of(container.service)
            if one.id == container.id
        )

    await until(
        f"{container.service} coming back",
        came_back,
        timeout_s=RESTARTED_TIMEOUT_S,
        pause_s=LOOK_PAUSE_S,
    )


async def _numbered(world: World) -> bool:
    """Tell whether so many processes read each stream, each under a name of its own."""
    done = await world.new.operator("status", "--json", may_fail=True)
    seen = json.loads(done.output[done.output.index("{") :])
    return all(
        {one["name"].partition(".")[0] for one in stream["readers"] if one["seen_s"] < AWAY_S}
        == {f"to-{stream['group']}-{number}" for number in range(1, SCALE + 1)}
        for stream in seen["streams"]
    )
