"""The world of the phases: the engine, two releases, and a member who plays."""

import asyncio
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.compose_processes import ComposeProcess, processes_in
from launch.errors import LaunchError
from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from launch.sandbox_runner import Endpoints
from launch.waiting import until
from tests.engine import process_starts
from tests.engine.deployment import HEALTHY_TIMEOUT_S, Deployment
from tests.engine.docker_engine import DockerEngine
from tests.engine.errors import EngineError
from tests.engine.namespaces import Done

#: The tag that compose.yaml gives to the image of all our processes.
OUR_IMAGE: Final = "twinstream:local"
#: Seconds within which totals, a role or a tag follow a win, on a busy machine.
SHOWN_TIMEOUT_S: Final = 60.0
#: Seconds until a process is measured: by then it has started on a busy machine, too, and rests.
#: Nothing is asked meanwhile, because each question would take time from it.
REST_S: Final = 6.0
#: XP for a game that is won, in the sandbox's community.
WIN_XP: Final = 15
#: The totals that both platforms have of one account's member.
BOOKS: Final = """
    SELECT s.platform, s.xp, s.balance FROM sync_state AS s
    JOIN accounts AS a USING (member_id)
    WHERE a.platform = 'telegram' AND a.account_id = $1 ORDER BY s.platform
"""


@dataclass
class World:
    """The state that phases share. A phase leaves the deployment up and well."""

    engine: DockerEngine
    new: Deployment
    old: Deployment
    endpoints: Endpoints
    client: SandboxClient
    #: The image that ours is built on.
    base_image: str
    say: Callable[[str], None]
    #: Lines for the end: sizes, memory, times.
    figures: list[str] = field(default_factory=list)
    _member: SandboxMember | None = None

    async def up(self, *options: str) -> None:
        """Bring this release up, if it is not, and wait until it is healthy."""
        await self.new.up(*options)

    async def wipe(self) -> None:
        """Remove this release with all its data; another member plays from now on."""
        await self.new.compose("down", "--volumes")
        self._member = None

    async def member(self, deployment: Deployment | None = None) -> SandboxMember:
        """Return the member who plays; at first she joins both and links her accounts."""
        if self._member is None:
            member = await SandboxMember.arrive(self.client, self.endpoints, "Mira")
            await member.win_in_telegram()
            if deployment is self.old:
                await link_by_code(member)
            else:
                await member.link()
            self._member = member
        return self._member

    async def play(self, deployment: Deployment | None = None) -> None:
        """Win once on each platform, and see on both what was won.

        Raises:
            EngineError: the platforms differ, or do not show it.
        """
        member = await self.member(deployment)
        deployment = deployment or self.new
        try:
            before = await self._xp(deployment, member)
            await member.win_in_telegram()
            await member.win_in_discord()
            xp = await until(
                "equal totals",
                lambda: self._equal(deployment, member, before),
                timeout_s=SHOWN_TIMEOUT_S,
            )
            await self.until_shown(member, self._rank(xp or 0))
        except LaunchError as error:
            raise EngineError(str(error)) from error

    async def until_shown(self, member: SandboxMember, rank: str) -> None:
        """Wait until both platforms show this rank of the member, and no other."""
        names = {one["name"] for one in self._ranks()}

        async def shown() -> bool:
            roles = set(await member.role_names()) & names
            return (await member.tag(), roles) == (rank, {rank})

        await until(f"both platforms showing {rank}", shown, timeout_s=SHOWN_TIMEOUT_S)

    async def totals(self, deployment: Deployment | None = None) -> list[tuple[str, int, int]]:
        """Return the books of the member who plays, by platform."""
        member = await self.member()
        rows = await (deployment or self.new).ask(BOOKS, member.telegram_id)
        return [(row["platform"], row["xp"], row["balance"]) for row in rows]

    async def prove(self) -> None:
        """Let the operator's commands find everything in order.

        Raises:
            EngineError: one of them does not.
        """
        for command in ("doctor", "audit"):
            await self.new.operator(command)
        self.say("doctor finds nothing wrong, audit no difference")

    async def in_image(self, command: str, *, may_fail: bool = False) -> Done:
        """Run a shell command in a container of our image, as the user whom the image names."""
        run = ("docker", "run", "--rm", "--network=none", OUR_IMAGE, "bash", "-c", command)
        return await self.engine.run(*run, may_fail=may_fail)

    async def measure(self) -> None:
        """Note the size of our image, the memory of each container, and how long each start takes.

        Our processes are restarted for that, one after the other.
        """
        ask = ("docker", "image", "inspect", "--format", "{{.Size}}", OUR_IMAGE, self.base_image)
        ours, base = map(int, (await self.engine.run(*ask)).output.split())
        self.figures.append(f"image: {(ours - base) / 1e6:.0f} MB on top of Python's")
        processes = processes_in(await self.new.config())
        for one in processes:
            self.figures.append(f"start of {one.service}: {await self._start_of(one)}")
        await self.new.until_well()
        self.figures.extend(await self._memory([one.service for one in processes]))

    async def _memory(self, ours: Sequence[str]) -> list[str]:
        """Say how much memory each container uses, and ours together."""
        stats = ("docker", "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}")
        lines = sorted((await self.engine.run(*stats)).output.splitlines())
        used = dict(line.split()[:2] for line in lines)
        # Compose names a container after its project and service, and numbers it.
        mib = sum(process_starts.mib(used[f"twinstream-{service}-1"]) for service in ours)
        together = f"memory of our {len(ours)} processes: {mib:.1f}MiB, {mib * 2**20 / 1e6:.0f} MB"
        return [*(f"memory of {name}: {amount}" for name, amount in used.items()), together]

    async def _start_of(self, process: ComposeProcess) -> str:
        """Restart a process, and say how long it took."""
        await self.new.compose("restart", process.service)
        await asyncio.sleep(REST_S)
        [container] = await self.new.containers_of(process.service)

        async def log_when_ready() -> str:
            log = await self.new.log(process.service)
            is_ready = process_starts.is_ready(log, container.started_at, process.arguments)
            return log if is_ready else ""

        log = await until(
            f"the start of {process.service}", log_when_ready, timeout_s=HEALTHY_TIMEOUT_S
        )
        ask = ("docker", "exec", container.id, "sh", "-c", process_starts.ASKED)
        answer = (await self.engine.run(*ask)).output
        start = process_starts.read(answer, log, container.started_at, process.arguments)
        return (
            f"ready after {start.ready_after_s:.2f} s, healthy after {start.healthy_after_s:.2f} s,"
            f" {start.cpu_s:.2f} s of the processor"
        )

    async def _xp(self, deployment: Deployment, member: SandboxMember) -> int:
        rows = await deployment.ask(BOOKS, member.telegram_id)
        return max((int(row["xp"]) for row in rows), default=0)

    async def _equal(
        self, deployment: Deployment, member: SandboxMember, before: int
    ) -> int | None:
        rows = await deployment.ask(BOOKS, member.telegram_id)
        books = {(row["xp"], row["balance"]) for row in rows}
        won = [xp for xp, _ in books if xp >= before + 2 * WIN_XP]
        return won[0] if len(rows) == 2 and len(books) == 1 and won else None

    def _ranks(self) -> list[dict[str, str]]:
        text = self.new.community.read_text(encoding="utf-8")
        ranks: list[dict[str, str]] = tomllib.loads(text)["ranks"]
        return ranks

    def _rank(self, xp: int) -> str:
        reached = [one for one in self._ranks() if int(one["xp"]) <= xp]
        return max(reached, key=lambda one: int(one["xp"]))["name"]


async def link_by_code(member: SandboxMember) -> None:
    """Link as release 0.1 does: Discord gives a code, which is sent to the Telegram bot.

    Raises:
        EngineError: the Discord bot gave no code.
    """
    given = await member.discord("link")
    if (found := re.search(r"/link\s+(\w+)", given.text)) is None:
        raise EngineError(f"the Discord bot of release 0.1 gave no code but said: {given.text}")
    await member.telegram(found[0], privately=True)
