"""`python -m launch.card_pictures INTO`: cards in eight scripts by both bots, for docs/cards.md.

Eight members ask for their profiles on the sandbox: on Telegram on a dark background, on Discord on
a light one. The pictures are those that the members got, smaller and side by side.
"""

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import asyncpg
from PIL import Image

from config import Settings
from config.outside_text.terminal import Terminal

from .sandbox_client import Call, SandboxClient
from .sandbox_runner import COMMUNITY, Endpoints, run_sandbox
from .waiting import until
from .workspace import open_workspace

#: One name in each script that readers of a card may meet, the last one with an emoji.
NAMES: Final = (
    *("Anna Ångström", "Соня Петрова", "Ωρίων Παππάς", "محمد العلي"),
    *("क्षत्रिय श्री", "שלום לוי", "สวัสดี ชาวโลก", "桜井さくら 🌸"),
)
#: Pixels of a card in the pictures, and between two of them: docs show them half as large.
CARD: Final = (640, 271)
GAP: Final = 16
COLUMNS: Final = 2
#: Of WebP, of 100: nothing is to be seen of the loss, and a file has a fifth of the bytes of a PNG.
QUALITY: Final = 88


class Look(NamedTuple):
    """One picture: whose bot draws the cards, and on which background."""

    platform: str
    background: str
    name: str


LOOKS: Final = (
    Look("telegram", "midnight", "cards-dark"),
    Look("discord", "paper", "cards-light"),
)


async def draw(into: Path) -> None:
    """Ask for the cards on servers of their own, and write the pictures."""
    for look in LOOKS:
        with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
            community = Path(folder) / "twinstream.toml"
            text = COMMUNITY.read_text(encoding="utf-8")
            cards = f'[cards]\nbackground = "{look.background}"\n'
            community.write_text(f"{text}\n{cards}", encoding="utf-8")
            settings = Settings(twinstream_run_dir=folder)
            with open_workspace(Path(folder) / "sandbox", settings) as workspace:
                async with run_sandbox(
                    workspace, limit_scale=0.01, community=community
                ) as sandboxed:
                    found = await _cards(sandboxed.endpoints, look.platform)
        file = into / f"{look.name}.webp"
        _sheet(found).save(file, "WEBP", quality=QUALITY, method=6)
        Terminal().print(f"{file}")


async def _cards(endpoints: Endpoints, platform: str) -> list[bytes]:
    conn = await asyncpg.connect(endpoints.database_url)
    async with SandboxClient(endpoints.control_url) as client:
        try:
            members = [await _join(client, conn, platform, number) for number in range(len(NAMES))]
            await until("the settling of the members' points", lambda: _is_settled(conn))
        finally:
            await conn.close()
        ask = _ask_telegram if platform == "telegram" else _ask_discord
        return [await ask(client, endpoints, member) for member in members]


async def _join(client: SandboxClient, conn: asyncpg.Connection, platform: str, number: int) -> int:
    """Bring a member in who has earned something; no two have the same."""
    name = NAMES[number]
    joined = await client.post("/members", platform=platform, action="join", name=name)
    user_id = int(joined["user_id"])
    await conn.execute(
        "SELECT twinstream.record_xp($1, $2, $3, 'quest', 'picture')",
        platform,
        user_id,
        5_000 - 613 * number,
    )
    await conn.execute(
        "SELECT twinstream.record_balance($1, $2, $3, 'quest', 'picture-balance')",
        platform,
        user_id,
        1_204 - 97 * number,
    )
    await conn.execute(
        """
        INSERT INTO twinstream.account_scores
            (platform, account_id, reputation, streak, longest_streak, streak_day)
        VALUES ($1, $2, $3, $4, $4, (now() AT TIME ZONE 'UTC')::date)
        """,
        platform,
        user_id,
        64 - 7 * number,
        21 - 2 * number,
    )
    return user_id


async def _is_settled(conn: asyncpg.Connection) -> bool:
    unsettled = "SELECT EXISTS (SELECT FROM twinstream.sync_events WHERE status <> 'completed')"
    return not await conn.fetchval(unsettled)


async def _ask_telegram(client: SandboxClient, endpoints: Endpoints, user_id: int) -> bytes:
    after = await client.newest()
    group = endpoints.telegram["chat_id"]
    await client.post("/telegram/say", chat_id=group, user_id=user_id, text="/profile")
    call = await client.wait_for("the card on Telegram", _is_photo, after=after)
    photo = call.response["result"]["photo"][-1]
    return await _fetched(f"{endpoints.control_url}/telegram/files/{photo['file_id']}")


async def _ask_discord(client: SandboxClient, endpoints: Endpoints, user_id: int) -> bytes:
    after = await client.newest()
    channel = endpoints.channel_id
    await client.post("/discord/slash", channel_id=channel, user_id=user_id, command="profile")
    call = await client.wait_for("the card on Discord", _has_attachment, after=after)
    return await _fetched(call.response["attachments"][0]["url"])


def _is_photo(call: Call) -> bool:
    return call.name == "sendPhoto" and call.status == 200


def _has_attachment(call: Call) -> bool:
    answer: Any = call.response
    return isinstance(answer, dict) and bool(answer.get("attachments"))


async def _fetched(url: str) -> bytes:
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url) as found:
        return await found.read()


def _sheet(cards: list[bytes]) -> Image.Image:
    """Put the cards side by side, on nothing: the page shows through between them."""
    width, height = CARD
    rows = -(-len(cards) // COLUMNS)
    size = (COLUMNS * width + (COLUMNS - 1) * GAP, rows * height + (rows - 1) * GAP)
    sheet = Image.new("RGB", size, (127, 127, 127))
    for number, card in enumerate(cards):
        small = Image.open(io.BytesIO(card)).convert("RGB").resize(CARD, Image.Resampling.LANCZOS)
        column, row = number % COLUMNS, number // COLUMNS
        sheet.paste(small, (column * (width + GAP), row * (height + GAP)))
    return sheet


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
