"""The bots' tokens stand in files, as docs/secrets.md says under Compose; mistakes are told."""

import json
from typing import Final

from launch.waiting import until
from tests.engine.deployment import CONSUMERS
from tests.engine.docker_engine import LOOK_PAUSE_S
from tests.engine.errors import EngineError
from tests.engine.phases.settings import told_by
from tests.engine.world import World

#: The example of docs/secrets.md.
COMMANDS: Final = (
    "mkdir -m 700 secrets",
    'printf %s "$TELEGRAM_TOKEN" > secrets/telegram_token',
    'printf %s "$DISCORD_TOKEN" > secrets/discord_token',
    "chmod 400 secrets/* && sudo chown 10001 secrets/*",
    "docker compose -f compose.yaml -f deploy/compose.secrets.yaml up -d --build --wait",
)
FILES: Final = ("-f", "compose.yaml", "-f", "deploy/compose.secrets.yaml")
UP: Final = (*FILES, "up", "-d", "--build", "--wait")
TOKENS: Final = ("TELEGRAM_TOKEN", "DISCORD_TOKEN")
GIVEN_A_TOKEN: Final = ("telegram-bot", "discord-bot", *CONSUMERS)
IN_A_FILE: Final = dict.fromkeys(TOKENS, "in-a-file")
#: The owner of the files is root here, who needs no program to act as root.
NO_SUDO: Final = 'sudo() { "$@"; }'
#: Seconds until a process that was started says that it may not read its file.
TOLD_TIMEOUT_S: Final = 120.0
#: The end of what is said of a file, whichever container is the first to say it.
NOT_READ: Final = "_token, which user 10001 may not read"
UNREADABLE: Final = f"TELEGRAM_TOKEN_FILE names /run/secrets/telegram{NOT_READ}"


async def secrets(world: World) -> None:
    """Take the tokens out of `.env` and out of every container's environment, into files."""
    await world.up()
    tokens = {name: world.new.env[name] for name in TOKENS}
    folder, telegram, discord, hand_over, up = COMMANDS
    world.new.set(IN_A_FILE)
    await told_by(world, UP, "no file of a token", f"does not exist: {world.new.inside}/secrets/")
    for command in (folder, telegram, discord):
        await _shell(world, command, tokens)
    await _shell(world, hand_over.partition(" && ")[0], tokens)
    await told_by(world, UP, "a file of another owner", NOT_READ)
    await _shell(world, hand_over, tokens)
    # A process that ended again and again waits up to a minute before its next start.
    await world.new.compose(*FILES, "restart", *GIVEN_A_TOKEN)
    await world.new.type(up)
    await world.new.until_well(await world.new.services())
    await _see_no_token(world, tokens)
    await world.play()
    await world.prove()
    await _a_wrong_mode(world, tokens)
    world.new.set(tokens)
    await world.up()
    await _shell(world, "rm -r secrets", tokens)
    await world.play()
    await world.prove()


async def _a_wrong_mode(world: World, tokens: dict[str, str]) -> None:
    """Take the right to read away: the process says so when it starts, and mending it is enough."""
    await _shell(world, "chmod 000 secrets/telegram_token", tokens)
    await world.new.compose(*FILES, "restart", "telegram-bot")

    async def told() -> bool:
        return UNREADABLE in await world.new.log("telegram-bot")

    await until(
        "a word about the unreadable file", told, timeout_s=TOLD_TIMEOUT_S, pause_s=LOOK_PAUSE_S
    )
    await _shell(world, "chmod 400 secrets/telegram_token", tokens)
    await world.new.until_well()
    world.say(f"a file that its owner may not read: telegram-bot says so: {UNREADABLE}")


async def _see_no_token(world: World, tokens: dict[str, str]) -> None:
    """See that what Docker tells of the containers has no token in it.

    Raises:
        EngineError: one has.
    """
    ids = [one.id for one in await world.new.containers()]
    found = json.loads((await world.engine.run("docker", "inspect", *ids)).output)
    told = {one["Name"]: name for one in found for name in TOKENS if tokens[name] in str(one)}
    if told:
        raise EngineError(f"`docker inspect` tells tokens: {told}")
    world.say(f"none of {len(ids)} containers has a token in its environment")


async def _shell(world: World, command: str, tokens: dict[str, str]) -> None:
    """Run a line in the checkout, with the tokens in variables."""
    given = [f"{name}={token}" for name, token in tokens.items()]
    line = f"{NO_SUDO}\n{command}"
    await world.engine.run("env", *given, "sh", "-ec", line, folder=world.new.inside)
