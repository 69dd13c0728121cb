"""`python -m launch.news_pictures INTO`: draw announcements and boards, for the pages about them.

Members come to ranks on the sandbox, and both bots announce it; then a member asks both for the
board. Once in English and once in Russian. The same texts give the same files.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg

from config import Settings
from config.outside_text.terminal import Terminal

from .chat_pictures import Button, Message, draw_discord, draw_telegram
from .pictures import BOT, MEMBERS, Member, discord_runs, telegram_runs
from .sandbox_client import SandboxClient
from .sandbox_runner import COMMUNITY, Endpoints, run_sandbox
from .waiting import until
from .workspace import open_workspace


class Earner(NamedTuple):
    """A member on both platforms who has earned something."""

    name: str
    xp: int


#: Those who stand on the board beside the member who asks.
EARNERS: Final = (
    *(Earner("Mira", 152), Earner("Тимур", 96), Earner("Anna Ångström", 61)),
    *(Earner("Соня", 33), Earner("Jonas", 21)),
)
ASKER_XP: Final = 38
COMMAND: Final = "/top"
GROUP, CHANNEL = "Twin Harbour", "# general"
#: The names of the files, by what they show.
ANNOUNCEMENTS, BOARDS = "announcements", "boards"

Shown = dict[tuple[str, str], list[Message]]
"""Messages by the file's name and the platform."""


async def draw(into: Path) -> None:
    """Let the bots speak in each language on servers of its own, and write the pictures."""
    for member in MEMBERS:
        with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
            community = Path(folder) / "twinstream.toml"
            text = COMMUNITY.read_text(encoding="utf-8")
            settings = Settings(twinstream_run_dir=folder)
            with open_workspace(Path(folder) / "sandbox", settings) as workspace:
                community.write_text(f"{text}\n{_announcements(member)}", encoding="utf-8")
                async with run_sandbox(
                    workspace, limit_scale=0.01, community=community
                ) as sandboxed:
                    shown = await _shown(sandboxed.endpoints, member)
        for (name, side), messages in shown.items():
            svg = (
                draw_telegram(GROUP, messages)
                if side == "telegram"
                else draw_discord(CHANNEL, messages)
            )
            file = into / f"{name}-{side}.{member.language}.svg"
            file.write_text(svg, encoding="utf-8")
            Terminal().print(f"{file}")


def _announcements(member: Member) -> str:
    return f"""
[announcements]
language = "{member.language}"
telegram = true
discord_channel_id = {GENERAL}
"""


#: The channel of the seed in which members write.
GENERAL: Final = 900000000000000010


async def _shown(endpoints: Endpoints, member: Member) -> Shown:
    conn = await asyncpg.connect(endpoints.database_url)
    async with SandboxClient(endpoints.control_url) as client:
        try:
            await _earn(client, conn, member)
        finally:
            await conn.close()
        group, channel = endpoints.telegram["chat_id"], endpoints.channel_id
        shown: Shown = {
            (ANNOUNCEMENTS, side): await _news(client, member, side, len(EARNERS) + 1)
            for side in ("telegram", "discord")
        }
        told = {side: len(shown[ANNOUNCEMENTS, side]) for side in ("telegram", "discord")}
        await client.post("/telegram/say", chat_id=group, user_id=member.telegram_id, text=COMMAND)
        await client.post(
            "/discord/slash",
            channel_id=channel,
            user_id=member.discord_id,
            command=COMMAND.removeprefix("/"),
        )
        for side, answers in (("telegram", 2), ("discord", 1)):
            messages = await _messages(client, member, side, told[side] + answers)
            shown[BOARDS, side] = messages[told[side] :]
        return shown


async def _earn(client: SandboxClient, conn: asyncpg.Connection, member: Member) -> None:
    """Let everybody earn at one moment, so that one announcement names them all."""
    await client.post("/telegram/rename", user_id=member.telegram_id, first_name=member.name)
    await client.post("/discord/name", user_id=member.discord_id, nick=member.name)
    people = [(member.telegram_id, int(member.discord_id), member.name, ASKER_XP)]
    for name, xp in EARNERS:
        joined = [
            await client.post("/members", platform=platform, action="join", name=name)
            for platform in ("telegram", "discord")
        ]
        people.append((int(joined[0]["user_id"]), int(joined[1]["user_id"]), name, xp))
    for telegram_id, discord_id, _, _ in people:
        await conn.execute("SELECT twinstream.link_accounts($1, $2)", telegram_id, discord_id)
    async with conn.transaction():
        for telegram_id, discord_id, name, xp in people:
            await conn.execute(
                "SELECT twinstream.record_xp('telegram', $1, $2, 'quest', 'picture')",
                telegram_id,
                xp,
            )
            await conn.execute(
                "UPDATE twinstream.accounts SET display_name = $2 WHERE account_id = ANY ($1)",
                [telegram_id, discord_id],
                name,
            )


async def _news(client: SandboxClient, member: Member, side: str, lines: int) -> list[Message]:
    """Wait until so many lines are announced on this side, and return the messages."""
    found: list[Message] = []

    async def are_there() -> bool:
        found[:] = await _seen(client, member, side)
        return sum(len(_text(one).splitlines()) for one in found) >= lines

    await until(f"the announcements on {side}", are_there)
    return found


async def _messages(client: SandboxClient, member: Member, side: str, count: int) -> list[Message]:
    found: list[Message] = []

    async def are_there() -> bool:
        found[:] = await _seen(client, member, side)
        return len(found) >= count

    await until(f"the answer on {side}", are_there)
    return found


async def _seen(client: SandboxClient, member: Member, side: str) -> list[Message]:
    """Return the messages of the group or the channel, the oldest first."""
    chats = await client.get("/chats")
    if side == "telegram":
        return [
            _of_telegram(body, member)
            for chat in chats["telegram"]["chats"]
            if chat["id"] < 0
            for body in chat["messages"]
            if body.get("text")
        ]
    return [
        _of_discord(body, member)
        for channel in chats["discord"]["channels"]
        if channel["id"] == str(GENERAL)
        for body in channel["messages"]
        if body["content"]
    ]


def _of_telegram(body: dict[str, Any], member: Member) -> Message:
    keyboard = body.get("reply_markup", {}).get("inline_keyboard", ())
    rows = tuple(tuple(Button(key["text"]) for key in row) for row in keyboard)
    is_own = not body["from"]["is_bot"]
    runs = tuple(telegram_runs(body["text"], body.get("entities", ())))
    return Message(member.name if is_own else BOT, runs, rows, is_own)


def _of_discord(body: dict[str, Any], member: Member) -> Message:
    rows = tuple(
        tuple(Button(one["label"], one["style"], "url" in one) for one in row["components"])
        for row in body["components"]
    )
    above = member.used.replace("/link", COMMAND) if body.get("interaction_metadata") else ""
    return Message(BOT, tuple(discord_runs(body["content"])), rows, above=above)


def _text(message: Message) -> str:
    return "".join(run.text for run in message.runs)


def used_texts() -> Iterator[str]:
    """Return the words in the pictures that are of the platforms, and not of the bots."""
    yield from (GROUP, CHANNEL, COMMAND)
    yield from (member.used.replace("/link", COMMAND) for member in MEMBERS)


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
