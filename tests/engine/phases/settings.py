"""A changed setting takes effect; a wrong one is told in a sentence, before it does any harm."""

import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from tests.engine.deployment import CONSUMERS, UP
from tests.engine.errors import EngineError
from tests.engine.world import World

#: The commands of docs/operate.md to look at the settings, and to take over a
#: changed twinstream.toml.
CHECK: Final = ("run", "--rm", "--no-deps", "migrate", "python", "-m", "launch", "check")
TAKE_OVER: Final = ("restart", "telegram-bot", "discord-bot", *CONSUMERS)
#: Seconds after which `up` must have said that something is wrong, on a machine that is busy.
TOLD_WITHIN_S: Final = 600.0
LEGEND: Final = re.compile(r'(name = "Legend"\nxp = )\d+')


async def settings(world: World) -> None:
    """Change a setting, then make one mistake after the other; each is told by `up`."""
    await world.up()
    for _ in range(2):  # past the rank before the highest one
        await world.play()
    await _change_the_ladder(world)
    await _mistakes_in_the_community(world)
    await _mistakes_in_env(world)
    await world.play()
    await world.prove()


async def _change_the_ladder(world: World) -> None:
    """Lower the threshold of the highest rank to what the member has."""
    member = await world.member()
    xp = max(xp for _, xp, _ in await world.totals())
    _write(world, LEGEND.sub(rf"\g<1>{xp}", world.new.community.read_text(encoding="utf-8")))
    await world.new.compose(*CHECK)
    await world.new.compose(*TAKE_OVER)
    await world.until_shown(member, "Legend")
    await world.new.until_well()
    world.say(f"the highest rank begins at {xp} XP now, and both platforms show it")


async def _mistakes_in_the_community(world: World) -> None:
    """Break twinstream.toml in three ways: `up` fails, and what runs goes on."""
    text = world.new.community.read_text(encoding="utf-8")
    community = world.new.community
    mistakes: list[tuple[str, Callable[[], object], str]] = [
        (
            "a misspelt table",
            partial(_write, world, text.replace("[[ranks]]", "[[rnaks]]")),
            "rnaks",
        ),
        ("a file of root's alone", partial(community.chmod, 0o600), "chmod a+r twinstream.toml"),
        ("no file", community.unlink, "twinstream.toml"),
    ]
    for what, make, told in mistakes:
        running = await _running(world)
        make()
        await told_by(world, CHECK, what, told)
        await told_by(world, UP, what, told)
        if (now := await _running(world)) != running:
            raise EngineError(f"{what}: {running} ran before, and {now} after")
        _write(world, text)
        await world.up()


async def _mistakes_in_env(world: World) -> None:
    """Set wrong values in `.env`: a missing one touches nothing, a refused one is told."""
    env = world.new.env
    for name, value, told, is_seen_before in (
        ("TELEGRAM_TOKEN", "", "@BotFather", True),
        ("TWINSTREAM_LOG_LEVEL", "loud", "TWINSTREAM_LOG_LEVEL", True),
        ("DISCORD_TOKEN", "not.the.token", "DISCORD_TOKEN", False),
        ("TELEGRAM_TOKEN", "123:wrong", "TELEGRAM_TOKEN", False),
    ):
        running = await _running(world)
        world.new.set({name: value})
        if is_seen_before:
            await told_by(world, CHECK, f"{name}={value}", told)
            if await _running(world) != running:
                raise EngineError(f"{name}={value}: the check touched what runs")
        await told_by(world, UP, f"{name}={value}", told)
        world.new.set({name: env.get(name, "info")})
        await world.up()


async def told_by(world: World, command: Sequence[str], what: str, told: str) -> None:
    """See that a command fails, soon, and that the reason can be read there or in the logs."""
    began = time.monotonic()
    done = await world.new.compose(*command, may_fail=True)
    took = time.monotonic() - began
    said = done.output
    if told not in said:
        said += (await world.new.compose("logs", "--tail", "20", may_fail=True)).output
    if not done.code or told not in said or took > TOLD_WITHIN_S:
        raise EngineError(
            f"{what}: `{_named(command)}` ended with {done.code} after {took:.0f} s; expected in"
            f" what it or the logs say: {told!r}\n" + "\n".join(said.splitlines()[-15:])
        )
    line = next(line for line in said.splitlines() if told in line)
    world.say(f"{what}: `{_named(command)}` fails after {took:.0f} s: {line.strip()}")


def _named(command: Sequence[str]) -> str:
    """Return the word that says what Compose is to do, without the files before it. Pure."""
    files = command.count("-f")
    return command[2 * files]


def _write(world: World, text: str) -> None:
    """Put another file in the place of twinstream.toml, as editors do."""
    new = world.new.community.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)
    new.replace(world.new.community)


async def _running(world: World) -> list[tuple[str, str, str]]:
    return [
        (one.service, one.id, one.started_at)
        for one in await world.new.containers()
        if one.status == "running"
    ]
