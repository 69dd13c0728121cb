"""A checkout that Compose runs: its `.env`, its containers, and questions to its record."""

import contextlib
import json
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import asyncpg

from launch.errors import LaunchError
from launch.sandbox_runner import Endpoints
from launch.waiting import until
from tests.engine.docker_engine import CHECKOUTS, LOOK_PAUSE_S, DockerEngine
from tests.engine.errors import EngineError
from tests.engine.namespaces import COMMAND_TIMEOUT_S, Done
from tests.engine.terminal import Terminal

#: The control sequence of a terminal that clears a line.
CLEAR_LINE: Final = "\x1b[2K"
#: The command that docs and the header of compose.yaml give to an operator.
UP: Final = ("up", "-d", "--build", "--wait")
#: The health of a container that has no check, as those of Prometheus and Grafana.
UNCHECKED: Final = "none"
#: Seconds until all containers are healthy: far above what a busy machine needs.
HEALTHY_TIMEOUT_S: Final = 240.0
#: The labels of the containers that `up` makes, and `run` does not.
LABELS: Final = ("com.docker.compose.project=twinstream", "com.docker.compose.oneoff=False")
#: Lines of a container's log that an error repeats.
LINES_SHOWN: Final = 10
#: Release 0.1 has its tables in `public`.
SEARCH_PATH: Final = "twinstream, public"
SECRET: Final = re.compile(r"^(\w+_PASSWORD|FORGET_SECRET)=", re.MULTILINE)
DATABASE: Final = "postgresql://twinstream:{password}@127.0.0.1:5432/twinstream?sslmode=disable"
#: The service in which an operator's commands run, as docs/operate.md has them.
OPERATOR: Final = "consumers"
#: The services that apply a stream each.
SETTLING: Final = ("to-discord", "to-telegram")
CONSUMERS: Final = (*SETTLING, OPERATOR)
NO_ANSWERS: Final[Mapping[str, str]] = MappingProxyType({})


class Container(NamedTuple):
    """A container of a service, as the engine sees it."""

    id: str
    service: str
    status: str
    health: str
    exit_code: int
    restarts: int
    started_at: str
    image: str
    pid: int

    @property
    def is_well(self) -> bool:
        """It runs and is healthy, or has no health check, or did its work once and ended with 0."""
        ended_well = (self.status, self.exit_code) == ("exited", 0)
        return ended_well or (self.status == "running" and self.health in ("healthy", UNCHECKED))


class Deployment:
    """One checkout under Compose."""

    def __init__(self, engine: DockerEngine, checkout: Path) -> None:
        self.engine = engine
        self.checkout = checkout
        #: Where the engine sees the checkout.
        self.inside = CHECKOUTS / checkout.name

    def prepare(self, endpoints: Endpoints, more: dict[str, str] | None = None) -> None:
        """Do what the README tells an operator to do: a community, and a filled-in `.env`."""
        shutil.copy(self.checkout / "sandbox/twinstream.toml", self.community)
        self.community.chmod(0o644)
        example = (self.checkout / ".env.example").read_text(encoding="utf-8")
        self._env.write_text(example, encoding="utf-8")
        values = {
            "TELEGRAM_API_BASE": endpoints.telegram_api_base,
            "DISCORD_API_BASE": endpoints.discord_api_base,
            "DISCORD_GATEWAY_URL": endpoints.discord_gateway_url,
            "DISCORD_CDN_BASE": endpoints.discord_cdn_base,
            "TELEGRAM_TOKEN": str(endpoints.telegram["token"]),
            "DISCORD_TOKEN": str(endpoints.discord["token"]),
        }
        passwords = {name: secrets.token_hex(24) for name in SECRET.findall(example)}
        self.set({**values, **passwords, **(more or {})})

    @property
    def community(self) -> Path:
        """The file that says what the community is."""
        return self.checkout / "twinstream.toml"

    @property
    def _env(self) -> Path:
        return self.checkout / ".env"

    @property
    def env(self) -> dict[str, str]:
        """The variables of `.env` that are set."""
        text = self._env.read_text(encoding="utf-8")
        return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))

    def set(self, values: dict[str, str]) -> None:
        """Change `.env`; a variable that is not in it is added."""
        text = self._env.read_text(encoding="utf-8")
        for name, value in values.items():
            text, count = re.subn(rf"(?m)^#?{name}=.*$", f"{name}={value}", text)
            text += "" if count else f"{name}={value}\n"
        self._env.write_text(text, encoding="utf-8")

    async def compose(self, *arguments: str, may_fail: bool = False) -> Done:
        """Run `docker compose` in the checkout.

        Raises:
            EngineError: it failed; the message has the end of its output.
        """
        done = await self.engine.run(
            *("docker", "compose", "--progress=plain", "--ansi=never", *arguments),
            folder=self.inside,
            may_fail=may_fail,
        )
        # Some releases clear the line before each, even where no terminal is.
        return done._replace(output=done.output.replace(CLEAR_LINE, ""))

    @contextlib.asynccontextmanager
    async def terminal(self, line: str) -> AsyncIterator[Terminal]:
        """Type a line for the shell in the checkout, as an operator does."""
        async with self.engine.terminal(line, folder=self.inside) as terminal:
            yield terminal

    async def type(self, line: str, answers: Mapping[str, str] = NO_ANSWERS) -> str:
        """Type a line, answer what it asks for, in this order, and return what it said.

        Raises:
            EngineError: it failed, or did not ask; the message has the end of what it said.
        """
        async with self.terminal(line) as terminal:
            at = 0
            for question, answer in answers.items():
                at = await terminal.until(question, after=at, timeout_s=COMMAND_TIMEOUT_S)
                terminal.type(f"{answer}\n")
            if code := await terminal.ended(timeout_s=COMMAND_TIMEOUT_S):
                shown = "\n".join(terminal.said.splitlines()[-LINES_SHOWN:])
                raise EngineError(f"`{line}` ended with {code}:\n{shown}")
            return terminal.said

    async def operator(self, *arguments: str, may_fail: bool = False) -> Done:
        """Run a command of `python -m consumers` where the consumers run."""
        command = ("exec", "-T", OPERATOR, "python", "-m", "consumers", *arguments)
        return await self.compose(*command, may_fail=may_fail)

    async def log(self, service: str) -> str:
        """Return all that the containers of a service have written."""
        return (await self.compose("logs", "--no-color", "--no-log-prefix", service)).output

    async def config(self) -> dict[str, Any]:
        """Return the services as Compose reads them."""
        config = json.loads((await self.compose("config", "--format", "json")).output)
        services: dict[str, Any] = config["services"]
        return services

    async def services(self) -> list[str]:
        """Return the services that stay, the servers first."""
        config = await self.config()
        stay = [name for name, one in config.items() if one.get("restart") != "no"]
        servers = [name for name in stay if "depends_on" not in config[name]]
        return sorted(servers) + sorted(set(stay) - set(servers))

    async def containers(self) -> list[Container]:
        """Return all containers of the project, those that ended included."""
        # The engine is asked, and not Compose, which reads a `.env` with a mistake first.
        filters = [word for label in LABELS for word in ("--filter", f"label={label}")]
        found_ids = await self.engine.run("docker", "ps", "--all", "--quiet", *filters)
        ids = found_ids.output.split()
        if not ids:
            return []
        found = json.loads((await self.engine.run("docker", "inspect", *ids)).output)
        return sorted(map(_container, found), key=lambda one: (one.service, one.id))

    async def containers_of(self, service: str) -> list[Container]:
        """Return the containers of one service."""
        return [one for one in await self.containers() if one.service == service]

    async def up(self, *options: str) -> None:
        """Bring it up as docs say, and wait until it is healthy.

        Raises:
            EngineError: it does not come up; the message has the ends of the logs.
        """
        done = await self.compose(*UP, *options, may_fail=True)
        if done.code:
            ill = [await self._told(one) for one in await self.containers() if not one.is_well]
            raise EngineError("\n".join([*done.output.splitlines()[-LINES_SHOWN:], *ill]))
        await self.until_well(await self.services())

    async def until_well(self, expected: Sequence[str] = ()) -> list[Container]:
        """Wait until every container is healthy, and return them.

        Raises:
            EngineError: one is not in time; the message has the end of its log.
        """

        found: list[Container] = []

        async def well() -> bool:
            nonlocal found
            found = await self.containers()
            names = {one.service for one in found}
            return bool(found) and all(one.is_well for one in found) and names >= set(expected)

        try:
            await until(
                "every container being healthy",
                well,
                timeout_s=HEALTHY_TIMEOUT_S,
                pause_s=LOOK_PAUSE_S,
            )
        except LaunchError:
            ill = [await self._told(one) for one in await self.containers() if not one.is_well]
            raise EngineError("\n".join(ill)) from None
        return found

    async def _told(self, one: Container) -> str:
        end = "\n".join((await self.log(one.service)).splitlines()[-LINES_SHOWN:])
        return f"{one.service} is {one.status}, {one.health}, exit code {one.exit_code}:\n{end}"

    @property
    def database_url(self) -> str:
        """The address of Postgres in the engine's network, for its owner."""
        return DATABASE.format(password=self.env["POSTGRES_PASSWORD"])

    async def connect(self) -> asyncpg.Connection:
        """Connect to Postgres as its owner, over the port that Compose publishes."""
        connection: asyncpg.Connection = await asyncpg.connect(
            self.database_url, server_settings={"search_path": SEARCH_PATH}
        )
        return connection

    async def ask(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask the record as its owner."""
        connection = await self.connect()
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return rows
        finally:
            await connection.close()


def _container(found: dict[str, Any]) -> Container:
    state = found["State"]
    return Container(
        id=found["Id"],
        service=found["Config"]["Labels"]["com.docker.compose.service"],
        status=state["Status"],
        health=state.get("Health", {}).get("Status", UNCHECKED),
        exit_code=state["ExitCode"],
        restarts=found["RestartCount"],
        started_at=state["StartedAt"],
        image=found["Image"],
        pid=state["Pid"],
    )
