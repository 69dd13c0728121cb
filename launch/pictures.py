"""`python -m launch.pictures INTO`: draw how two accounts are linked, for docs/linking.md.

The bots play the story on the sandbox, once in English and once in Russian. The pictures hold no
times, ids or codes, so the same texts give the same files.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg

from config import Settings
from config.outside_text.terminal import Terminal

from .chat_pictures import Button, Message, Run, draw_discord, draw_telegram
from .sandbox_client import SandboxClient
from .sandbox_runner import COMMUNITY, Endpoints, run_sandbox
from .waiting import until
from .workspace import open_workspace

#: Texts that differ from run to run, or that the apps do not show: codes, payloads and times.
MASKED: Final = (
    (re.compile(r"\b[A-Z2-9]{10}\b"), "ABCDE23456"),
    (re.compile(r"^/start .*"), "/start"),
    (re.compile(r"(?:(?<=since )|(?<=с ))\d{4}-\d\d-\d\d \d\d:\d\d"), "2000-01-01 12:00"),
    (re.compile(r"(?!2000)\d{4}-\d\d-\d\d \d\d:\d\d"), "2000-01-08 12:00"),
)
MARKDOWN: Final = re.compile(r"\*\*(.+?)\*\*|`(.+?)`|\\([^\w\s])")
DIRECT: Final = 1
BOT: Final = "twinstream"


class Member(NamedTuple):
    """A member of the seed whose apps have this language, and what their apps say in it."""

    language: str
    name: str
    telegram_id: int
    discord_id: str
    used: str
    hidden: str
    direct: str
    edited: str


MEMBERS: Final = (
    Member(
        "en", "Alice", 1001, "800000000000000101", "Alice used /link", "Only you can see this",
        "Direct message", "edited",
    ),
    Member(
        "ru", "Борис", 1002, "800000000000000102", "Борис использует /link", "Это видите только вы",
        "Личное сообщение", "изменено",
    ),
)  # fmt: skip


class Story:
    """One member's story. Each look at the chats keeps the messages that are new or changed."""

    def __init__(self, client: SandboxClient, endpoints: Endpoints, member: Member) -> None:
        self._client, self._endpoints, self._member = client, endpoints, member
        self.kept: dict[str, list[Message]] = {"telegram": [], "discord": []}
        self._taken = dict.fromkeys(self.kept, 0)
        self._bodies: dict[str, list[dict[str, Any]]] = {"telegram": [], "discord": []}
        self._states: dict[tuple[str, Any], list[Message]] = {}

    async def play(self) -> None:
        """Link from Discord, unlink in Telegram, and undo that on Discord."""
        channel, chat = self._endpoints.channel_id, self._member.telegram_id
        await self._act("discord/slash", channel_id=channel, command="link")
        url = _buttons(await self._news("discord"))[0]["url"]
        await self._act("telegram/start", payload=url.partition("?start=")[2])
        await self._news("telegram")
        await self._press_on_discord(await self._news("discord"))
        await self._news("discord")
        await self._news("telegram")
        await self._act("telegram/say", chat_id=chat, text="/unlink")
        asked = await self._news("telegram")
        data = asked["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        await self._act("telegram/click", chat_id=chat, message_id=asked["message_id"], data=data)
        await self._news("telegram")
        await self._press_on_discord(await self._news("discord"))
        await self._news("discord")
        await self._news("telegram")

    async def _act(self, route: str, **body: object) -> None:
        side = route.partition("/")[0]
        user_id = getattr(self._member, f"{side}_id")
        await self._client.post(f"/{route}", user_id=user_id, **body)

    async def _press_on_discord(self, asked: dict[str, Any]) -> None:
        data = _buttons(asked)[0]["custom_id"]
        place = {"channel_id": asked["channel_id"], "message_id": asked["id"]}
        await self._act("discord/click", **place, custom_id=data)

    async def _news(self, side: str) -> dict[str, Any]:
        """Wait for the bot's next message, or the next change of one, on this side."""

        async def look() -> bool:
            self._keep(await self._client.get("/chats"))
            return len(self._bodies[side]) > self._taken[side]

        await until(f"the bot's next message on {side}", look)
        self._taken[side] += 1
        return self._bodies[side][self._taken[side] - 1]

    def _keep(self, chats: dict[str, Any]) -> None:
        for side, body, message in self._shown(chats):
            states = self._states.setdefault((side, body.get("id") or body["message_id"]), [])
            if message in states:
                continue
            if states:  # the platforms say that it was edited, and name no command again
                note = " · ".join(filter(None, (message.below, self._member.edited)))
                self.kept[side].append(message._replace(above="", below=note))
            else:
                self.kept[side].append(message)
            states.append(message)
            if not message.is_own:
                self._bodies[side].append(body)

    def _shown(self, chats: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Message]]:
        member = self._member
        for chat in chats["telegram"]["chats"]:
            if chat["id"] == member.telegram_id:
                for body in chat["messages"]:
                    yield "telegram", body, _of_telegram(body, member)
        for channel in chats["discord"]["channels"]:
            is_direct = channel["type"] == DIRECT
            ours = {one["id"] for one in channel.get("recipients", ())}
            for body in channel["messages"]:
                seen = member.discord_id in ours if is_direct else (
                    body["visible_to"] == member.discord_id
                )  # fmt: skip
                if seen and body["content"]:
                    yield "discord", body, _of_discord(body, member, is_direct=is_direct)


def _buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [button for row in message["components"] for button in row["components"]]


def _of_telegram(body: dict[str, Any], member: Member) -> Message:
    keyboard = body.get("reply_markup", {}).get("inline_keyboard", ())
    rows = tuple(tuple(Button(key["text"]) for key in row) for row in keyboard)
    is_own = not body["from"]["is_bot"]
    runs = tuple(telegram_runs(body["text"], body.get("entities", ())))
    return Message(member.name if is_own else BOT, runs, rows, is_own)


def _of_discord(body: dict[str, Any], member: Member, *, is_direct: bool) -> Message:
    rows = tuple(
        tuple(Button(one["label"], one["style"], "url" in one) for one in row["components"])
        for row in body["components"]
    )
    above, below = (member.direct, "") if is_direct else (member.used, member.hidden)
    return Message(BOT, tuple(discord_runs(body["content"])), rows, above=above, below=below)


def telegram_runs(text: str, entities: Any) -> Iterator[Run]:
    """Split a text at its entities, whose offsets count units of UTF-16."""
    units, at = text.encode("utf-16-le"), 0
    for one in entities:
        style = {"bold": "b", "code": "c"}.get(one["type"], "")
        start, end = 2 * one["offset"], 2 * (one["offset"] + one["length"])
        if start >= at and style:
            yield Run(masked(units[at:start].decode("utf-16-le")))
            yield Run(masked(units[start:end].decode("utf-16-le")), style)
            at = end
    yield Run(masked(units[at:].decode("utf-16-le")))


def discord_runs(content: str) -> Iterator[Run]:
    """Split a text at the Markdown that our texts use."""
    at = 0
    for found in MARKDOWN.finditer(content):
        yield Run(masked(content[at : found.start()]))
        bold, code, literal = found.groups()
        yield Run(masked(bold or code or literal), "b" if bold else "c" if code else "")
        at = found.end()
    yield Run(masked(content[at:]))


def masked(text: str) -> str:
    """Replace what differs from run to run."""
    for pattern, instead in MASKED:
        text = pattern.sub(instead, text)
    return text


async def draw(into: Path) -> None:
    """Play the story in each language on servers of its own, and write the pictures."""
    for member in MEMBERS:
        with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
            community = Path(folder) / "twinstream.toml"
            text = COMMUNITY.read_text(encoding="utf-8")
            language = f'[announcements]\nlanguage = "{member.language}"\n'
            community.write_text(f"{text}\n{language}", encoding="utf-8")
            settings = Settings(twinstream_run_dir=folder)
            with open_workspace(Path(folder) / "sandbox", settings) as workspace:
                async with run_sandbox(
                    workspace, limit_scale=0.01, community=community
                ) as sandboxed:
                    kept = await _played(sandboxed.endpoints, member)
        for side, svg in (
            ("telegram", draw_telegram(BOT, kept["telegram"])),
            ("discord", draw_discord("# general", kept["discord"])),
        ):
            file = into / f"linking-{side}.{member.language}.svg"
            file.write_text(svg, encoding="utf-8")
            Terminal().print(f"{file}")


async def _played(endpoints: Endpoints, member: Member) -> dict[str, list[Message]]:
    conn = await asyncpg.connect(endpoints.database_url)
    async with SandboxClient(endpoints.control_url) as client:
        try:
            await _prepare(client, conn, member)
        finally:
            await conn.close()
        story = Story(client, endpoints, member)
        await story.play()
        return story.kept


async def _prepare(client: SandboxClient, conn: asyncpg.Connection, member: Member) -> None:
    """Give the member a name and points, and wait until they have arrived."""
    await client.post("/telegram/rename", user_id=member.telegram_id, first_name=member.name)
    await client.post("/discord/name", user_id=member.discord_id, nick=member.name)
    accounts = (("telegram", member.telegram_id, 20), ("discord", int(member.discord_id), 15))
    for platform, account_id, xp in accounts:
        await conn.execute(
            "SELECT twinstream.record_xp($1, $2, $3, 'game_guess', 'picture')",
            platform,
            account_id,
            xp,
        )

    async def ready() -> bool:
        return bool(
            await conn.fetchval(
                """
                SELECT NOT EXISTS (SELECT FROM twinstream.sync_events WHERE status <> 'completed')
                       AND EXISTS (SELECT FROM twinstream.bot_names)
                """
            )
        )

    await until("the settling of the member's points", ready)


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
