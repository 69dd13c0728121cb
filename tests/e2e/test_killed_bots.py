"""kill -9 of a bot between any two steps of linking: the members end linked once, or not at all."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import pytest

from db.links.states import LinkRules, set_rules
from db.upkeep.audit import audit
from sandbox import Call
from schemas import Source, opposite
from tests.e2e.test_policies import PROGRESS, TOTALS, earned
from tests.support import processes
from tests.support.commit_gate import CommitGate
from tests.support.patience import PATIENCE_S
from tests.support.processes import BARE_ENVIRONMENT, Process
from tests.support.recorded_events import until
from tests.support.variants import variants

ALICE, DISCORD_ALICE = 1001, 800000000000000101
CHANNEL = 900000000000000010
#: XP that the Telegram account gets for linking, once.
REWARD = 7
#: Attempts of the member to link after the crash: one finds an old code, the next one a new one.
ATTEMPTS_MAX = 5

Step = Literal["start", "open", "confirm"]
#: Before and after the commit of a step: the process never gets to the answer. Answered: it dies
#: while the platform shows the answer, so it may not even know that it was sent.
Moment = Literal["before", "after", "answered"]
CRASHES: tuple[tuple[Step, Moment], ...] = tuple(
    itertools.product(("start", "open", "confirm"), ("before", "after", "answered"))
)
#: The answer to each step.
ANSWERS: dict[Step, str] = {
    "start": "It works once",
    "open": "You are about to link",
    "confirm": "Done: you and",
}


class Seen(NamedTuple):
    """A text that a member sees, the buttons under it, and the message that holds both."""

    text: str
    buttons: list[str]
    message_id: int


class Bots:
    """Both bots as processes, each with a way of its own to Postgres."""

    def __init__(self, stage: Any, config: str, gates: dict[Source, CommitGate]) -> None:
        self._stage, self._config, self.gates = stage, config, gates
        self._processes: dict[Source, Process] = {}

    async def start(self, platform: Source) -> None:
        """Start a bot; return once members can reach it."""
        after = self._stage.transcript.last
        values = msgspec.to_builtins(self._stage.settings) | {
            "database_url": self.gates[platform].url,
            "twinstream_config": self._config,
        }
        self._processes[platform] = await processes.start(
            f"bots.{platform}_bot",
            environ=BARE_ENVIRONMENT
            | {name.upper(): str(value) for name, value in values.items() if value is not None},
            stderr=asyncio.subprocess.DEVNULL,
        )
        if platform == "discord":  # Telegram keeps what is written meanwhile
            await self._stage.seen("gateway GUILD_CREATE", after=after)

    async def kill(self, platform: Source) -> None:
        """Kill a bot (SIGKILL)."""
        process = self._processes.pop(platform)
        process.kill()
        self.gates[platform].cut()
        await process.wait()

    async def kill_all(self) -> None:
        for platform in tuple(self._processes):
            await self.kill(platform)


class Member:
    """Alice, who starts on one platform, opens on the other, and tries again after a crash."""

    def __init__(self, stage: Any, starts_on: Source) -> None:
        self._stage = stage
        self.starts_on, self.opens_on = starts_on, opposite(starts_on)

    def send(self, platform: Source, code: str | None = None) -> None:
        """Send /link, with a code or without one."""
        if platform == "telegram":
            self._stage.telegram.say(ALICE, ALICE, " ".join(filter(None, ("/link", code))))
        else:
            options = {} if code is None else {"code": code}
            self._stage.discord.slash(CHANNEL, DISCORD_ALICE, "link", options)

    def press(self, seen: Seen) -> None:
        """Press the first button under the question."""
        if self.starts_on == "telegram":
            self._stage.telegram.click(ALICE, seen.message_id, ALICE, seen.buttons[0])
        else:
            self._stage.discord.click(CHANNEL, seen.message_id, DISCORD_ALICE, seen.buttons[0])

    def seen(self, platform: Source, after: int = 0) -> Iterator[Seen]:
        """Return what the platform shows her, newest first."""
        for call in reversed(self._stage.transcript.calls(platform=platform, after=after)):
            shown = _on_telegram(call) if platform == "telegram" else _on_discord(call)
            if shown is not None:
                yield shown

    async def sees(self, platform: Source, *texts: str, after: int = 0) -> Seen:
        """Wait until the platform shows her one of these texts."""
        found: list[Seen] = []

        async def is_there() -> bool:
            found[:] = [
                one for one in self.seen(platform, after) if any(text in one.text for text in texts)
            ][:1]
            return bool(found)

        await until(is_there, what=f"{texts} on {platform}")
        return found[0]

    async def code(self) -> str | None:
        """Return the code before her that still works, if there is one."""
        for one in self.seen(self.starts_on):
            for code in re.findall(r"[`>]([A-Z2-9]{10})[`<]", one.text):
                if await self._stage.pool.fetchval(
                    "SELECT count(*) FROM link_offers WHERE status = 'waiting'"
                    " AND code_hash = twinstream.hash_of_code($1)",
                    code,
                ):
                    return code
        return None

    async def reaches(self, step: Step, ready: Callable[[], None]) -> None:
        """Go through the dialogue up to this step: call `ready`, and send what the step needs."""
        if step == "start":
            ready()
        self.send(self.starts_on)
        if step == "start":
            return
        await until(self._has_code, what="a code")
        code = await self.code()
        if step == "open":
            ready()
        self.send(self.opens_on, code)
        if step == "open":
            return
        await self.sees(self.opens_on, ANSWERS["open"])
        question = await self.sees(self.starts_on, "has opened your link or code")
        ready()
        self.press(question)

    async def goes_on(self) -> None:
        """Link after a crash, with nothing but /link and what the bots answer."""
        for _ in range(ATTEMPTS_MAX):
            after = self._stage.transcript.last
            self.send(self.starts_on)
            shown = await self.sees(
                self.starts_on, "has opened your", "It works once", "is linked with", after=after
            )
            if "is linked with" in shown.text:
                return
            if "It works once" in shown.text:
                if (code := await self.code()) is None:
                    continue
                self.send(self.opens_on, code)
                told = await self.sees(self.opens_on, ANSWERS["open"], "used already", after=after)
                if ANSWERS["open"] not in told.text:
                    continue  # the code was the answer to what she sent before the crash
                shown = await self.sees(self.starts_on, "has opened your", after=after)
            after = self._stage.transcript.last
            self.press(shown)
            with contextlib.suppress(AssertionError):
                await self.sees(self.starts_on, "Done: you and", after=after)
        raise AssertionError("she tried in vain")

    async def _has_code(self) -> bool:
        return await self.code() is not None


def _on_telegram(call: Call) -> Seen | None:
    if call.name not in ("sendMessage", "editMessageText") or call.status != 200:
        return None
    message = call.response["result"]
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", ())
    buttons = [key["callback_data"] for row in rows for key in row if "callback_data" in key]
    return Seen(call.request["text"], buttons, message["message_id"])


def _on_discord(call: Call) -> Seen | None:
    if "/webhooks/" not in call.name or call.status != 200:
        return None
    body = call.request["body"]
    rows = body.get("components") or ()
    buttons = [one["custom_id"] for row in rows for one in row["components"] if "custom_id" in one]
    return Seen(body.get("content") or "", buttons, int(call.response["id"]))


@asynccontextmanager
async def running_bots(stage: Any, checkout: Path) -> AsyncIterator[Bots]:
    """Run both bots until the block ends, which kills them."""
    url = stage.gate.url
    async with CommitGate(url) as telegram, CommitGate(url) as discord:
        config = str(checkout / "sandbox" / "twinstream.toml")
        bots = Bots(stage, config, {"telegram": telegram, "discord": discord})
        try:
            for platform in ("telegram", "discord"):
                await bots.start(platform)
            yield bots
        finally:
            await bots.kill_all()


async def crash(bots: Bots, member: Member, step: Step, moment: Moment) -> Source:
    """Let the bot that does this step die at this moment. Return its platform."""
    platform = member.opens_on if step == "open" else member.starts_on
    gate = bots.gates[platform]
    if moment == "answered":
        await member.reaches(step, lambda: None)
        await member.sees(platform, ANSWERS[step])
    else:
        await member.reaches(step, partial(gate.hold, moment))
        async with asyncio.timeout(PATIENCE_S):
            await gate.reached.wait()
    await bots.kill(platform)
    return platform


def _variants() -> Iterator[tuple[str, tuple[Any, ...]]]:
    directions: tuple[Source, ...] = ("telegram", "discord")
    for policy, progress, (step, moment), starts_on in itertools.product(
        TOTALS, PROGRESS, CRASHES, directions
    ):
        name = f"{policy}, {progress}, {step} {moment}, from {starts_on}"
        yield name, (policy, progress, step, moment, starts_on)


@pytest.mark.parametrize(
    ("policy", "progress", "step", "moment", "starts_on"),
    variants(_variants(), every_day=("max, both, confirm after, from discord",)),
)
async def test_a_killed_bot_links_once_or_not_at_all(
    stage, checkout, policy, progress, step, moment, starts_on
):
    before = PROGRESS[progress]
    apart = [(xp, 0) for xp in before]
    together = [(TOTALS[policy](*before) + REWARD, 0)] * 2
    await earned(stage, *before)
    await set_rules(stage.pool, LinkRules(policy=policy, reward_xp=REWARD))
    member = Member(stage, starts_on)

    async with running_bots(stage, checkout) as bots:
        platform = await crash(bots, member, step, moment)
        is_linked = step == "confirm" and moment != "before"
        assert await outcome(stage) == (together if is_linked else apart)
        after = stage.transcript.last
        await bots.start(platform)
        if platform == "telegram" and moment != "answered":
            # Telegram delivers again what was not confirmed, so she need not do it again.
            await member.sees("telegram", ANSWERS[step], after=after)
        await member.goes_on()
        for side in ("telegram", "discord"):
            after = stage.transcript.last
            member.send(side)
            await member.sees(side, "Your account is linked with", after=after)

    assert await outcome(stage) == together
    assert await stage.pool.fetchval("SELECT count(*) FROM links") == 1
    rows = await stage.pool.fetch(
        "SELECT reason, sum(delta_xp) AS xp FROM transactions"
        " WHERE idempotency_key LIKE 'link:%' AND platform = source GROUP BY reason"
    )
    taken = TOTALS[policy](*before) - sum(before)
    expected = {f"link_{policy}": taken} if taken else {}
    assert {row["reason"]: row["xp"] for row in rows} == expected | {"link_reward": REWARD}
    async with stage.pool.acquire() as conn:
        found = await audit(conn, {})
    assert [one for check in found.checks for one in check.examples] == []


async def outcome(stage: Any) -> list[tuple[int, int]]:
    """Return what both accounts have; an account that was never seen has nothing."""
    return [
        await stage.totals(platform, account_id) or (0, 0)
        for platform, account_id in (("telegram", ALICE), ("discord", DISCORD_ALICE))
    ]
