"""The people of a run: their deeds while faults strike, and the audit of them."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import structlog

from bus import SOURCES
from db.links import links
from launch.errors import LaunchError
from launch.sandbox_client import SandboxClient

from . import users_table
from .bot_messages import BotMessages
from .community import SEEDED
from .deed_audit import Absences, Evidence, offenders_in, people_of, read_record
from .deeds import Deed, Deeds
from .deployment import PEOPLES_BOTS, Deployment
from .errors import ChaosError
from .offender import Offender

log = structlog.get_logger("twinstream.chaos")

#: Seconds until both bots serve people, and until they are gone after SIGTERM.
START_S_MAX: Final = 60.0
GONE_S_MAX: Final = 40.0
#: Seconds until everything that people did is in the record, shown and answered. A visit of a
#: process that was killed is made again after some minutes.
REST_S_MAX: Final = 240.0
POLL_S: Final = 1.0


class People:
    """Acting people, and everything that bears witness of their deeds."""

    def __init__(self, deployment: Deployment, client: SandboxClient, seed: str) -> None:
        self._deployment = deployment
        self._client = client
        self._deeds = Deeds(client, seed)
        self._messages = BotMessages(client)
        self._stop = asyncio.Event()
        self._acting: asyncio.Task[None]
        self._listening: asyncio.Task[None]

    @property
    def deeds(self) -> list[Deed]:
        """Everything that the platforms accepted."""
        return self._deeds.journal

    @property
    def said(self) -> int:
        """The number of messages of the bots."""
        return len(self._messages.said)

    async def begin(self) -> None:
        """Let people come, link some of them, and let them act.

        Raises:
            ChaosError: the bots do not serve them.
        """
        await self._are_served(after=0)
        await self._is_polled()
        await self._deeds.gather()
        async with self._deployment.conn() as conn:
            for telegram_id, discord_id in self._deeds.pairs:
                async with conn.transaction():
                    await links.link(
                        conn,
                        telegram_account_id=telegram_id,
                        discord_account_id=discord_id,
                        stores=users_table.STORES.keys(),
                    )
        self._acting = asyncio.create_task(self._deeds.go_on(self._stop))
        self._listening = asyncio.create_task(self._messages.listen())

    async def end(self) -> None:
        """Stop acting and listening, whatever has happened."""
        tasks = [
            task
            for name in ("_acting", "_listening")
            if (task := getattr(self, name, None)) is not None
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def come_to_rest(self) -> list[Offender]:
        """Stop the deeds, restart the bots, which must change nothing, end them, and audit.

        Raises:
            ChaosError: the deeds could not be done, or the bots did not start or end.
        """
        self._stop.set()
        try:
            await self._acting
        except (LaunchError, OSError) as error:
            raise ChaosError(f"people could not act: {error}") from error
        # Judged before the restart, which would excuse the deeds of the last seconds.
        before_restart = await self._audit_until_clean()
        before = await self._client.newest()
        for name in PEOPLES_BOTS.values():
            self._deployment.ask_to_end(name)
        await self._are_served(after=before)
        await self._audit_until_clean()
        self._deployment.stop(PEOPLES_BOTS.values())
        await self._are_gone()
        await self._messages.read()
        return [*dict.fromkeys(before_restart + await self._findings())]

    async def _are_served(self, *, after: int) -> None:
        for name in ("setMyCommands", "gateway GUILD_CREATE"):
            try:
                await self._client.wait_for(
                    "the start of a bot",
                    lambda call, name=name: call.name == name,  # type: ignore[misc]
                    after=after,
                    timeout_s=START_S_MAX,
                )
            except LaunchError as error:
                raise ChaosError(str(error)) from error

    async def _is_polled(self) -> None:
        """Wait for an answer: Telegram tells of reactions and of who joins from a first poll on."""
        asker = next(iter(SEEDED))
        await self._client.post("/telegram/say", chat_id=asker, user_id=asker, text="/help")
        try:
            await self._client.wait_for(
                "the first answer of the Telegram bot",
                lambda call: call.name == "sendMessage" and call.asks(chat_id=asker),
                timeout_s=START_S_MAX,
            )
        except LaunchError as error:
            raise ChaosError(str(error)) from error

    async def _are_gone(self) -> None:
        end = time.monotonic() + GONE_S_MAX
        while not self._deployment.are_gone(PEOPLES_BOTS.values()):
            if time.monotonic() > end:
                raise ChaosError("a bot of people did not end")
            await asyncio.sleep(POLL_S)

    async def _audit_until_clean(self) -> list[Offender]:
        """Audit until nothing is found, and return what is found still after REST_S_MAX."""
        end = time.monotonic() + REST_S_MAX
        while (findings := await self._findings()) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        return findings

    async def _findings(self) -> list[Offender]:
        people = people_of(self.deeds)
        async with (
            self._deployment.conn() as conn,
            # One moment, because payments and their causes are read by several statements.
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            record = await read_record(conn, people)
        absences = Absences(
            {
                platform: self._deployment.ends.get(PEOPLES_BOTS[platform], [])
                for platform in SOURCES
            },
            self._messages.discord_starts,
            frozenset(_lost_invitations(self._deployment.folder / "logs")),
        )
        return offenders_in(
            Evidence(record, self.deeds, self._messages.said, absences, time.time())
        )


@contextlib.asynccontextmanager
async def open_people(deployment: Deployment, seed: str) -> AsyncIterator[People]:
    """Let people act until the block ends."""
    assert deployment.endpoints is not None
    async with SandboxClient(deployment.endpoints.control_url) as client:
        people = People(deployment, client, seed)
        try:
            await people.begin()
            yield people
        finally:
            await people.end()


def _lost_invitations(logs: Path) -> Iterator[int]:
    """Yield the accounts whose invitation the Telegram bot's log declares lost."""
    for line in (logs / f"{PEOPLES_BOTS['telegram']}.log").read_text().splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            if entry["event"] == "invitation.lost":
                yield entry["account_id"]
