"""A changed setting takes effect; a wrong one is told in a sentence, and what runs goes on."""

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from tests.engine.deployment import UP
from tests.engine.errors import EngineError
from tests.engine.world import World

#: What docs/operate.md tells an operator to type after a change of twinstream.toml.
TAKE_OVER: Final = ("--force-recreate", "telegram-bot", "discord-bot", "consumers")
#: Seconds after which `up` must have said that something is wrong.
TOLD_WITHIN_S: Final = 120.0
LEGEND: Final = re.compile(r'(name = "Legend"\nxp = )\d+')


async def settings(world: World) -> None:
    """Change a setting, then make one mistake after the other; each is told by `up`."""
    await world.up()
    await world.play()
    await _change_the_ladder(world)
    text = world.new.community.read_text(encoding="utf-8")

    def mend() -> None:
        world.new.community.write_text(text, encoding="utf-8")
        world.new.community.chmod(0o644)

    def spoil() -> None:
        broken = text.replace("[[ranks]]", "[[rnaks]]", 1)
        world.new.community.write_text(broken, encoding="utf-8")

    await _mistake(world, "a misspelt table in twinstream.toml", spoil, "rnaks")
    mend()
    await _mistake(
        world,
        "a twinstream.toml that only root may read",
        lambda: world.new.community.chmod(0o600),
        "may not be read",
    )
    mend()
    await _mistake(world, "no twinstream.toml", world.new.community.unlink, "twinstream.toml")
    mend()
    env = world.new.env
    for name, value, told in (
        ("TELEGRAM_TOKEN", "", "@BotFather"),
        ("TWINSTREAM_LOG_LEVEL", "loud", "TWINSTREAM_LOG_LEVEL"),
        ("DISCORD_TOKEN", "not.the.token", "DISCORD_TOKEN"),
        ("TELEGRAM_TOKEN", "123:wrong", "TELEGRAM_TOKEN"),
    ):
        await _mistake(world, f"{name}={value}", partial(world.new.set, {name: value}), told)
        world.new.set({name: env.get(name, "info")})
        await world.up()
    await world.play()
    await world.prove()


async def _change_the_ladder(world: World) -> None:
    """Lower the threshold of the highest rank to what the member has."""
    member = await world.member()
    xp = max(xp for _, xp, _ in await world.totals())
    text = world.new.community.read_text(encoding="utf-8")
    world.new.community.write_text(LEGEND.sub(rf"\g<1>{xp}", text), encoding="utf-8")
    await world.up(*TAKE_OVER)
    await world.until_shown(member, "Legend")
    world.say(f"the highest rank begins at {xp} XP now, and both platforms show it")


async def _mistake(world: World, what: str, make: Callable[[], object], told: str) -> None:
    """Make a mistake, and see that `up` fails, soon, and that the reason can be read."""
    make()
    began = time.monotonic()
    done = await world.new.compose(*UP, may_fail=True)
    took = time.monotonic() - began
    said = done.output + (await world.new.compose("logs", "--tail", "20", may_fail=True)).output
    if not done.code or told not in said or took > TOLD_WITHIN_S:
        raise EngineError(
            f"{what}: `up` ended with {done.code} after {took:.0f} s, and nothing says {told!r}:\n"
            + "\n".join(done.output.splitlines()[-10:])
        )
    [line, *_] = [line for line in said.splitlines() if told in line]
    world.say(f"{what}: `up` fails after {took:.0f} s: {line.strip()}")
