"""The demo: what one member does on each platform, and how the other platform follows.

Every line that it prints reports something that has just happened; every figure is measured.
"""

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import asyncpg
from rich.table import Table
from rich.text import Text

from bus import SOURCES, Client, Keys, Source
from config.outside_text.terminal import Terminal
from db import Platform
from db.ledger import dead_letters
from db.members.profiles import Profile, profile
from db.upkeep import status

from . import manual_change
from .errors import LaunchError
from .sandbox_client import Call
from .sandbox_member import SandboxMember
from .sandbox_runner import COMMUNITY
from .waiting import until

NONSENSE = b"nonsense"
RANKS = ("Newcomer", "Regular", "Veteran", "Legend")


class Side(NamedTuple):
    """The final state of the member on one platform. `shown` is the role or tag that people see."""

    xp: int
    balance: int
    rank: str
    shown: str


class Demo:
    """One run of the demo. `play` returns the differences at its end; an empty list is success."""

    def __init__(
        self, mira: SandboxMember, pool: asyncpg.Pool, redis: Client, keys: Keys, console: Terminal
    ) -> None:
        self._mira = mira
        self._pool = pool
        #: Any, because redis-py types its replies as those of both protocols at once.
        self._redis: Any = redis
        self._keys = keys
        self._say = console.print
        self._lengths: dict[Source, int] = {}
        self._injected = dict.fromkeys(SOURCES, 0)

    async def play(self) -> list[str]:
        """Play all chapters in order."""
        self._lengths = {source: await self._length(source) for source in SOURCES}
        await self._win_in_telegram()
        before = await self._sides()
        await self._link_accounts()
        await self._undo_the_link(before)
        await self._link_again()
        await self._win_again()
        await self._win_in_discord()
        await self._repeat_an_event()
        await self._add_nonsense()
        await self._change_the_books()
        await self._wait_for_quiet()
        return await self._compare()

    async def _win_in_telegram(self) -> None:
        self._chapter("1. Telegram: Mira plays /guess in the group")
        answer = await self._mira.win_in_telegram()
        self._quote(answer.text)
        await self._tag_becomes("Newcomer", since=answer.at)

    async def _link_accounts(self) -> None:
        self._chapter("2. Mira links her two accounts: /link on Discord, one tap, one confirmation")
        for answer in await self._mira.link():
            self._quote(answer.text)
        await self._role_becomes("Newcomer", since=answer.at)
        await self._role_becomes("Lucky", since=answer.at)

    async def _undo_the_link(self, before: dict[Source, Side]) -> None:
        self._chapter("3. Mira undoes the link: /undo on Telegram, one press of a button")
        await self._until_acknowledged()
        done = await self._mira.undo_link()
        self._quote(done.text)
        await self._roles_go(("Newcomer", "Lucky"), since=done.at)
        after = await self._sides()
        self._show_table(after)
        if after != before:
            raise LaunchError(f"the link was not undone: {before} became {after}")
        self._say("   Each account has again what it had before the link.")

    async def _link_again(self) -> None:
        self._say("   ... and she links them again, in the same way:")
        *_, done = await self._mira.link()
        self._quote(done.text)
        await self._role_becomes("Newcomer", since=done.at)
        await self._role_becomes("Lucky", since=done.at)

    async def _win_again(self) -> None:
        self._chapter("4. Telegram: Mira wins again, and Discord follows")
        answer = await self._mira.win_in_telegram()
        self._quote(answer.text)
        await self._role_becomes("Regular", since=answer.at, instead_of="Newcomer")
        await self._tag_becomes("Regular", since=answer.at)

    async def _win_in_discord(self) -> None:
        self._chapter("5. Discord: Mira wins there, and Telegram follows")
        answer = await self._mira.win_in_discord()
        self._quote(answer.text)
        await self._tag_becomes("Veteran", since=answer.at)
        await self._role_becomes("Veteran", since=answer.at, instead_of="Regular")

    async def _repeat_an_event(self) -> None:
        self._chapter("6. The same event once more on the stream, as after a lost reply")
        before = await self._profile("discord")
        [(_, fields)] = await self._redis.xrevrange(self._keys.stream("telegram"), count=1)
        await self._redis.xadd(self._keys.stream("telegram"), fields)
        self._injected["telegram"] += 1
        await self._until_acknowledged()
        key = json.loads(fields[b"e"])["idempotency_key"]
        async with self._pool.acquire() as conn:
            rows = await status.ledger_rows(conn, key)
        after = await self._profile("discord")
        if after != before or rows != 2:
            raise LaunchError(f"{key} counted twice: {before} became {after}, {rows} ledger rows")
        self._say(f"   {key} is in the ledger twice, once for each side, as before: nothing added.")

    async def _add_nonsense(self) -> None:
        self._chapter("7. An entry with nonsense is put on the stream by hand")
        stream = self._keys.stream("telegram")
        entry_id = (await self._redis.xadd(stream, {"e": NONSENSE})).decode()
        self._injected["telegram"] += 1

        async def buried() -> list[status.Failure]:
            async with self._pool.acquire() as conn:
                failures = await status.newest_failures(conn, limit=5)
            return [one for one in failures if one.idempotency_key.endswith(entry_id)]

        [entry] = await until("the burial of a bad entry", buried)
        self._say(f"   buried, with the reason on record: {entry.error_message}")
        answer = await self._mira.win_in_telegram()
        self._say("   ... and the next good event goes through:")
        self._quote(answer.text)
        async with self._pool.acquire() as conn:
            gone = await dead_letters.discard(conn, [entry.id])
        if gone != [entry.id]:
            raise LaunchError(f"the bad entry {entry.id} was not discarded")
        self._say(f"   It never was an event, so it is discarded: `dead discard {entry.id}`")

    async def _change_the_books(self) -> None:
        self._chapter("8. 500 XP are added to Mira in Discord's books with psql")
        await self._until_acknowledged()
        endpoints, account_id = self._mira.endpoints, int(self._mira.discord_id)
        environment = os.environ | {
            "REDIS_URL": endpoints.redis_url,
            "DATABASE_URL": endpoints.database_url,
            "TWINSTREAM_CONFIG": str(COMMUNITY),
        }
        before = await self._profile("discord")
        await manual_change.change_books(self._pool, "discord", account_id)
        for nth in ("first", "second"):
            await manual_change.reconcile_now(environment, account_id)
            decision, why = await manual_change.last_explanation(self._pool)
            self._say(Text.assemble(f"   the {nth} pass: ", (decision, "bold")))
            self._quote(why, who="drift")
        after = await self._profile("discord")
        if after != before:
            raise LaunchError(f"the manual change was not repaired: {before} became {after}")

    async def _wait_for_quiet(self) -> None:
        """Wait until every event is applied and every role and tag is shown."""
        await self._until_acknowledged()

        async def equal() -> bool:
            left, right = await self._side("telegram"), await self._side("discord")
            return left == right

        try:
            await until("both sides being equal", equal, timeout_s=10.0)
        except LaunchError:
            return  # the comparison that follows lists the differences

    async def _compare(self) -> list[str]:
        self._chapter("In the end")
        sides = await self._sides()
        self._show_table(sides)
        differences = [
            f"{field}: Telegram has {left}, Discord has {right}"
            for field, left, right in zip(
                Side._fields, sides["telegram"], sides["discord"], strict=True
            )
            if left != right
        ]
        return differences + await self._check_streams()

    async def _check_streams(self) -> list[str]:
        """Check the entries that the demo added: a stream may hold events of its own side only."""
        problems = []
        for source in SOURCES:
            added = await self._length(source) - self._lengths[source]
            entries = await self._redis.xrevrange(self._keys.stream(source), count=max(added, 1))
            payloads = [fields[b"e"] for _, fields in entries[:added] if fields[b"e"] != NONSENSE]
            events = [json.loads(payload) for payload in payloads]
            foreign = [event for event in events if event["source"] != source]
            if foreign:
                problems.append(f"{self._keys.stream(source)} holds events of the other side")
            injected = self._injected[source]
            self._say(
                f"{self._keys.stream(source)}: {added} new entries, {added - injected} events of"
                f" {source.capitalize()}"
                + (f" and {injected} put there by hand" if injected else "")
            )
        self._say("Nothing bounced: applying an event never publishes one.")
        return problems

    async def _tag_becomes(self, tag: str, *, since: float) -> None:
        async def shown() -> bool:
            return await self._mira.tag() == tag

        await until(f"Mira's tag {tag}", shown)
        user_id = self._mira.telegram_id
        call = await self._latest(
            lambda call: call.name == "setChatMemberTag" and call.asks(user_id=user_id, tag=tag)
        )
        self._say(
            Text.assemble("   Telegram shows the tag ", (tag, "bold"), f" ({_after(since, call)})")
        )

    async def _role_becomes(self, role: str, *, since: float, instead_of: str = "") -> None:
        async def shown() -> bool:
            names = await self._mira.role_names()
            return role in names and instead_of not in names

        await until(f"Mira's role {role}", shown)
        role_id = self._mira.endpoints.discord["roles"][role]
        call = await self._latest(
            lambda call: (
                call.name.startswith("PUT ") and str(role_id) in call.request["path"].values()
            )
        )
        replaced = f" instead of {instead_of}" if instead_of else ""
        after = f"{replaced} ({_after(since, call)})"
        self._say(Text.assemble("   Discord shows the role ", (role, "bold"), after))

    async def _roles_go(self, roles: tuple[str, ...], *, since: float) -> None:
        async def gone() -> bool:
            return not set(roles) & set(await self._mira.role_names())

        await until(f"the end of Mira's roles {' and '.join(roles)}", gone)
        role_ids = {str(self._mira.endpoints.discord["roles"][role]) for role in roles}

        def takes_one_away(call: Call) -> bool:
            if not call.name.startswith("DELETE "):
                return False
            ids = set(map(str, call.request["path"].values()))
            return self._mira.discord_id in ids and not role_ids.isdisjoint(ids)

        call = await self._latest(takes_one_away)
        after = f" no longer ({_after(since, call)})"
        self._say(
            Text.assemble("   Discord shows the roles ", (" and ".join(roles), "bold"), after)
        )

    async def _latest(self, matches: Callable[[Call], bool]) -> Call:
        calls = [call for call in await self._mira.client.calls() if matches(call)]
        return calls[-1]

    async def _until_acknowledged(self) -> None:
        async def acknowledged() -> bool:
            return all([await self._is_read_to_the_end(source) for source in SOURCES])

        await until("the acknowledgement of everything on the streams", acknowledged)

    async def _is_read_to_the_end(self, source: Source) -> bool:
        stream = self._keys.stream(source)
        [group] = await self._redis.xinfo_groups(stream)
        newest = (await self._redis.xinfo_stream(stream))["last-generated-id"]
        return bool(group["pending"] == 0 and group["last-delivered-id"] == newest)

    async def _length(self, source: Source) -> int:
        return int(await self._redis.xlen(self._keys.stream(source)))

    async def _profile(self, platform: Platform) -> Profile | None:
        mira = self._mira
        account_id = mira.telegram_id if platform == "telegram" else int(mira.discord_id)
        async with self._pool.acquire() as conn:
            return await profile(conn, platform, account_id)

    async def _side(self, platform: Platform) -> Side:
        one = await self._profile(platform)
        if one is None:
            return Side(0, 0, "none", "none")
        if platform == "telegram":
            shown = await self._mira.tag()
        else:
            shown = " ".join(name for name in await self._mira.role_names() if name in RANKS)
        return Side(one.xp, one.balance, one.rank_name or "none", shown or "none")

    async def _sides(self) -> dict[Source, Side]:
        return {platform: await self._side(platform) for platform in SOURCES}

    def _show_table(self, sides: dict[Source, Side]) -> None:
        table = Table("", "XP", "balance", "rank", "shown as")
        for platform, side in sides.items():
            what = "tag" if platform == "telegram" else "role"
            row = (str(side.xp), str(side.balance), side.rank, f"{what} {side.shown}")
            table.add_row(platform.capitalize(), *row)
        self._say(table)

    def _chapter(self, title: str) -> None:
        self._say(Text(f"\n{title}", style="bold cyan"))

    def _quote(self, text: str, *, who: str = "bot") -> None:
        for line in filter(None, text.splitlines()):
            self._say(Text.assemble("   ", (f"{who}:", "dim"), f" {line}"))


def _after(since: float, call: Call) -> str:
    """Format the time from the bot's answer to the platform call; the call may have come first."""
    milliseconds = (call.at - since) * 1_000
    return f"{milliseconds:.0f} ms after the answer" if milliseconds > 0 else "before the answer"
