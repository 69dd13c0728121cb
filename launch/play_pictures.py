"""`python -m launch.play_pictures INTO`: the page of `make play` in pictures, for README and docs.

A member wins a game on Telegram. Chromium looks on, and the page gets to see the promotion in slow
motion (slow_motion.js): one step of its story after the other, with the times that it really took.
Once in English and once in Russian, light and dark. Needs Chromium and what `make play-pictures`
installs. Fonts, names and times are fixed; durations and ids are those of the run.
"""

import asyncio
import contextlib
import io
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg
from PIL import Image

from config import Settings
from config.outside_text.terminal import Terminal

from .chromium import ARGUMENTS, MISSING, chromium
from .errors import LaunchError
from .play import serve_page, take_port
from .sandbox_client import SandboxClient
from .sandbox_member import NUMBER_MAX, NUMBER_MIN, SandboxMember
from .sandbox_runner import COMMUNITY, Endpoints, run_sandbox
from .waiting import until
from .workspace import open_workspace

SLOW_MOTION: Final = Path(__file__).with_name("slow_motion.js")
#: The fonts that cards are drawn with, so that the pages look the same on every machine.
FONTS: Final = Path("bots/cards/font_files")
FONT: Final = "Noto Sans"
FONT_SETTINGS: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>{fonts}</dir><dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir>
</fontconfig>
"""
#: The language of the bots; messages earn nothing, so the XP are those of the game alone.
SETTINGS: Final = """
[announcements]
language = "{language}"

[earning.messages]
enabled = false
"""
#: Seconds between two guesses: a bot answers an account once in two seconds, but a dozen at first.
PAUSE_S: Final = 2.0
#: XP with which the member is a Newcomer, and which one game won makes those of a Regular.
XP_BEFORE, BALANCE_BEFORE = 20, 10
#: Of WebP, of 100. A film shows much text that stays: what is lost of it would be seen for long.
PICTURE_QUALITY, FILM_QUALITY = 80, 62
#: Milliseconds of a film's frames.
BEGINS_MS, SAID_MS, STEP_MS, TRAVEL_MS, SHOWN_MS, ENDS_MS = 900, 800, 300, 90, 700, 2_700
#: Milliseconds into its way at which the dot between both platforms is seen.
TRAVELLED: Final = (70, 190, 280, 350, 420, 510, 620)
#: Milliseconds after which nothing travels any longer.
AT_REST: Final = 10_000
#: Milliseconds that Chromium waits for anything on the page.
PATIENCE_MS: Final = 60_000


class Person(NamedTuple):
    """A person of the seed: name in each language, ids, and XP."""

    names: dict[str, str]
    telegram_id: int
    discord_id: str
    xp: int


VERA = Person({"en": "Vera", "ru": "Вера"}, 1000, "800000000000000100", 160)
ALICE = Person({"en": "Alice", "ru": "Алиса"}, 1001, "800000000000000101", 38)
BORIS = Person({"en": "Boris", "ru": "Борис"}, 1002, "800000000000000102", XP_BEFORE)
CLARA = Person({"en": "Clara", "ru": "Клара"}, 1003, "800000000000000103", XP_BEFORE)
DMITRI = Person({"en": "Dmitri", "ru": "Дмитрий"}, 1004, "800000000000000104", 52)


class Language(NamedTuple):
    """A language: the member who wins, whose apps have it, and those who earned before."""

    code: str
    winner: Person
    others: tuple[Person, ...]
    higher: str
    lower: str
    group: tuple[tuple[Person, str], ...]
    channel: tuple[tuple[Person, str], ...]


LANGUAGES: Final = (
    Language(
        "en", CLARA, (VERA, ALICE, BORIS._replace(xp=12), DMITRI), "higher", "lower",
        (
            (VERA, "Good evening, harbour!"),
            (BORIS, "Hi! Who plays /guess?"),
            (ALICE, "I won in two tries today."),
            (DMITRI, "Clara needs 10 XP to be a Regular."),
            (ALICE, "Clara, your turn!"),
        ),
        ((BORIS, "Hello!"), (CLARA, "Hi all!"), (DMITRI, "Evening!"), (CLARA, "Wish me luck")),
    ),
    Language(
        "ru", BORIS, (VERA, ALICE, CLARA._replace(xp=12), DMITRI), "больше", "меньше",
        (
            (VERA, "Добрый вечер, гавань!"),
            (CLARA, "Привет! Кто играет в /guess?"),
            (ALICE, "Я сегодня угадала со второго раза."),
            (DMITRI, "Борису до Regular не хватает 10 XP."),
            (ALICE, "Борис, твой ход!"),
        ),
        ((CLARA, "Привет!"), (BORIS, "Всем привет"), (DMITRI, "Добрый!"), (BORIS, "Удачи мне")),
    ),
)  # fmt: skip


class View(NamedTuple):
    """A window of Chromium: what its pictures are called, and how it looks."""

    name: str
    width: int
    height: int
    scale: float = 1
    scheme: str = "light"
    is_film: bool = False


#: A film is 900 pixels wide: about what GitHub shows of a README.
VIEWS: Final = (
    View("play-film-light", 1200, 860, 0.75, "light", is_film=True),
    View("play-film-dark", 1200, 860, 0.75, "dark", is_film=True),
    View("play-light", 1440, 900),
    View("play-dark", 1440, 900, scheme="dark"),
    View("play-phone", 390, 844, 2),
)


class Camera:
    """A page in a window, and the frames that were taken of it."""

    def __init__(self, page: Any, view: View, winner: str) -> None:
        self._page = page
        self.view = view
        self._winner = winner
        self._frames: list[tuple[Image.Image, int]] = []

    async def open(self, url: str) -> None:
        """Open the page, and let all people and earlier events appear on it."""
        await self._page.add_init_script(path=SLOW_MOTION)
        await self._page.goto(f"{url}&tour=no&side=bus")
        await self._page.evaluate(f"document.body.style.fontFamily = '{FONT}'")
        for place in (".telegram .person", ".discord .person", ".story"):
            await self._page.locator(place).first.wait_for(state="attached")
        if self.view.width > self.view.height:
            await self._page.locator(".discord .chat-head [aria-controls]").click()
            await self._page.locator("#discord-members .member").first.wait_for()
        # The newest story is open; it makes room for the one that comes.
        await self._page.locator(".story-head[aria-expanded=true]").click()
        await self._page.mouse.move(0, 0)

    async def slow(self, deed: str, *given: object) -> Any:
        """Call a function of slow_motion.js, and let the page draw what follows."""
        script = """async ([deed, given]) => {
          const told = slowMotion[deed](...given);
          for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
          return told;
        }"""
        return await self._page.evaluate(script, [deed, given])

    async def take(self, ms: int, travelled: int = AT_REST) -> None:
        """Take a frame that is shown for so long. Of a picture, the last frame stays."""
        await self._page.evaluate(
            "document.querySelector('.step:last-child')?.scrollIntoView({ block: 'nearest' })"
        )
        await self.slow("pose", travelled)
        shot = await self._page.screenshot(animations="allow", scale="device")
        self._frames.append((Image.open(io.BytesIO(shot)).convert("RGB"), ms))

    async def mark(self, where: str, rank: str) -> None:
        """Put a ring around where the member now has this rank."""
        script = """([where, words]) => {
          for (const one of document.querySelectorAll(where)) {
            const told = one.closest(".message, .member").textContent;
            if (!one.textContent.includes(words[1]) || !told.includes(words[0])) continue;
            one.style.outline = "2px solid #e5484d";
            one.style.outlineOffset = "-1px";
          }
        }"""
        await self._page.evaluate(script, [where, [self._winner, rank]])

    def save(self, into: Path, language: str) -> Path:
        """Write the film, or the picture."""
        file = into / f"{self.view.name}.{language}.webp"
        pictures = [picture for picture, _ in self._frames]
        if self.view.is_film:
            pictures[0].save(
                file,
                "WEBP",
                save_all=True,
                append_images=pictures[1:],
                duration=[ms for _, ms in self._frames],
                loop=0,
                quality=FILM_QUALITY,
                method=6,
                minimize_size=True,
            )
        else:
            pictures[-1].save(file, "WEBP", quality=PICTURE_QUALITY, method=6)
        return file


class Film:
    """The promotion, as all cameras see it."""

    def __init__(self, cameras: list[Camera]) -> None:
        self._cameras = cameras

    async def _all(self, deed: str, *given: object) -> None:
        """Let each page do a deed of slow_motion.js."""
        for camera in self._cameras:
            await camera.slow(deed, *given)

    async def _take(self, ms: int, travelled: int = AT_REST, *, is_last: bool = False) -> None:
        """Take a frame with each camera. Pictures are of the last one."""
        for camera in self._cameras:
            if camera.view.is_film or is_last:
                await camera.take(ms, travelled)

    async def _held(self, start: str) -> dict[str, Any]:
        """Return what all pages have been told and do not show."""
        found: dict[str, Any] = {}
        for camera in self._cameras:
            found = await camera.slow("held", start)
            if not found:
                return {}
        return found

    async def play(self, winner: SandboxMember, number: int) -> None:
        """Let the member win, and show step by step what comes of it."""
        await self._take(BEGINS_MS)
        await self._all("hold")
        await winner.telegram(f"/guess {number}")
        [(key, story)] = await until("the promotion on the page", self._promotions)
        await self._all("release", f"^telegram/messages/.*{await self._question()}$")
        await self._take(SAID_MS)
        await self._all("release", "^telegram/messages/")
        await self._take(SAID_MS)
        steps = story["steps"]
        for count, step in enumerate(steps, start=1):
            is_last = count == len(steps)
            await self._all("tell", "api", {key: _told(story, count)})
            if step["kind"] == "entry":
                await self._all("release", "^bus/streams/telegram")
                for travelled in TRAVELLED:
                    await self._take(TRAVEL_MS, travelled)
            is_shown = step["kind"] == "shown"
            if is_shown:
                await self._show(step["platform"], step["rank"])
            ms = ENDS_MS if is_last else SHOWN_MS if is_shown else STEP_MS
            await self._take(ms, is_last=is_last)

    async def _show(self, platform: str, rank: str) -> None:
        await self._all("release", f"^{platform}/")
        where = ".telegram .message .tag" if platform == "telegram" else "#discord-members .member"
        for camera in self._cameras:
            await camera.mark(where, rank)

    async def _question(self) -> str:
        """Return the number of the member's own message."""
        keys = await self._held("telegram/messages/")
        return min((key.rpartition("/")[2] for key in keys), key=int)

    async def _promotions(self) -> list[tuple[str, Any]]:
        """Return the newest story whose rank both platforms show by now, if there is one."""
        stories = await self._held("bus/stories/")
        found = [(key, story) for key, story in stories.items() if _is_shown_twice(story)]
        # Earlier ones may change late.
        return sorted(found, key=lambda one: one[1]["id"])[-1:]


def _is_shown_twice(story: dict[str, Any]) -> bool:
    kinds = [step["kind"] for step in story["steps"]]
    is_win = story["reason"] == "game_guess"
    is_shown = kinds.count("wanted") == kinds.count("shown") == 2
    return is_win and is_shown and "acknowledged" in kinds


def _told(story: dict[str, Any], count: int) -> dict[str, Any]:
    """Return the story as it was after so many steps. Pure."""
    steps = story["steps"][:count]
    kinds = {step["kind"] for step in steps}
    status = "completed" if "completed" in kinds else "published" if "entry" in kinds else "pending"
    return {**story, "steps": steps, "status": status}


async def draw(into: Path, languages: Iterable[Language] = LANGUAGES) -> None:
    """Play in each language on servers of their own, and write the pictures."""
    program = chromium()
    if program is None:
        raise LaunchError(MISSING)
    for language in languages:
        with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
            cameras = await _played(Path(folder), program, language)
        # Nothing runs any longer that would wait for it.
        for camera in cameras:
            file = camera.save(into, language.code)
            Terminal().print(f"{file}: {file.stat().st_size // 1024} KiB")


async def _played(folder: Path, program: str, language: Language) -> list[Camera]:
    community = folder / "twinstream.toml"
    community.write_text(_community(language), encoding="utf-8")
    settings = Settings(twinstream_run_dir=str(folder))
    with open_workspace(folder / "sandbox", settings) as workspace, take_port(0) as at:
        async with contextlib.AsyncExitStack() as stack:
            sandboxed = await stack.enter_async_context(
                run_sandbox(workspace, limit_scale=0.01, community=community)
            )
            endpoints = sandboxed.endpoints
            client = await stack.enter_async_context(SandboxClient(endpoints.control_url))
            winner = _member(client, endpoints, language.winner, language.code)
            number = await _prepare(winner, language)
            url = await stack.enter_async_context(
                serve_page(workspace, sandboxed, at=at, say=Terminal().print)
            )
            browser = await stack.enter_async_context(_browser(program, folder))
            cameras = [await _camera(browser, view, language) for view in VIEWS]
            for camera in cameras:
                await camera.open(url)
            await Film(cameras).play(winner, number)
            return cameras


def _community(language: Language) -> str:
    """Return the sandbox's settings, without what would happen beside the promotion."""
    text = COMMUNITY.read_text(encoding="utf-8")
    # The role of an achievement would hide the colour of the rank.
    *_, role = [line for line in text.splitlines() if line.startswith("discord_role")]
    return f"{text.replace(role, '')}\n{SETTINGS.format(language=language.code)}"


@contextlib.asynccontextmanager
async def _browser(program: str, folder: Path) -> AsyncIterator[Any]:
    # Only those who draw these pictures have it.
    from playwright.async_api import async_playwright

    fonts = folder / "fonts.conf"
    fonts.write_text(
        FONT_SETTINGS.format(fonts=FONTS.resolve(), cache=folder / "fonts"),
        encoding="utf-8",
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            args=list(ARGUMENTS),
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        )
        yield browser
        await browser.close()


async def _camera(browser: Any, view: View, language: Language) -> Camera:
    context = await browser.new_context(
        viewport={"width": view.width, "height": view.height},
        device_scale_factor=view.scale,
        color_scheme=view.scheme,
        locale=language.code,
        timezone_id="UTC",
    )
    context.set_default_timeout(PATIENCE_MS)
    return Camera(await context.new_page(), view, language.winner.names[language.code])


def _member(
    client: SandboxClient, endpoints: Endpoints, person: Person, language: str
) -> SandboxMember:
    name = person.names[language]
    return SandboxMember(client, endpoints, name, person.telegram_id, person.discord_id)


async def _prepare(winner: SandboxMember, language: Language) -> int:
    """Give people names and ranks, and let them talk. Returns the number that wins."""
    client, endpoints = winner.client, winner.endpoints
    people = (*language.others, language.winner)
    conn = await asyncpg.connect(endpoints.database_url)
    try:
        for person in people:
            name = person.names[language.code]
            await client.post("/telegram/rename", user_id=person.telegram_id, first_name=name)
            await client.post("/discord/name", user_id=person.discord_id, nick=name)
            await client.post("/discord/presence", user_id=person.discord_id, status="online")
            await conn.execute(
                "SELECT twinstream.link_accounts($1, $2)",
                person.telegram_id,
                int(person.discord_id),
            )
        await conn.execute(
            "SELECT twinstream.record_achievement('telegram', $1, 'lucky_guess')",
            winner.telegram_id,
        )
        number = await _find_number(winner, language)
        await until("the settling of what was won", lambda: _is_settled(conn))
        for person in people:
            await _earn(conn, person, person.names[language.code])
        await until("the ranks of all", lambda: _is_settled(conn))
    finally:
        await conn.close()
    for person, text in language.group:
        await client.post(
            "/telegram/say", chat_id=endpoints.chat_id, user_id=person.telegram_id, text=text
        )
    for person, text in language.channel:
        await client.post(
            "/discord/say", channel_id=endpoints.channel_id, user_id=person.discord_id, text=text
        )
    return number


async def _find_number(winner: SandboxMember, language: Language) -> int:
    """Play alone with the bot, until only one number is left that it may think of."""
    while True:
        low, high = NUMBER_MIN, NUMBER_MAX
        while low < high:
            number = (low + high) // 2
            answer = await winner.telegram(f"/guess {number}", privately=True)
            await asyncio.sleep(PAUSE_S)
            if language.higher in answer.text:
                low = number + 1
            elif language.lower in answer.text:
                high = number - 1
            else:
                break  # won too early: the next round has another number
        else:
            return low


async def _earn(conn: asyncpg.Connection, person: Person, name: str) -> None:
    """Bring a member to what the pictures need."""
    found = await conn.fetchrow(
        """
        SELECT s.xp, s.balance
          FROM twinstream.sync_state AS s
          JOIN twinstream.accounts AS a USING (member_id)
         WHERE s.platform = 'telegram' AND a.platform = 'telegram' AND a.account_id = $1
        """,
        person.telegram_id,
    )
    xp, balance = (found["xp"], found["balance"]) if found else (0, 0)
    for function, amount in (
        ("record_balance", BALANCE_BEFORE - balance),
        ("record_xp", person.xp - xp),
    ):
        if amount:
            await conn.execute(
                f"SELECT twinstream.{function}('telegram', $1, $2, 'quest', $3)",
                person.telegram_id,
                amount,
                f"picture-{function}",
            )
    await conn.execute(
        "UPDATE twinstream.accounts SET display_name = $2 WHERE account_id = ANY ($1)",
        [person.telegram_id, int(person.discord_id)],
        name,
    )


async def _is_settled(conn: asyncpg.Connection) -> bool:
    """Tell whether all has crossed, and both platforms show it."""
    return bool(
        await conn.fetchval(
            """
            SELECT NOT EXISTS (SELECT FROM twinstream.sync_events WHERE status <> 'completed')
                   AND NOT EXISTS (
                       SELECT FROM twinstream.surfaces
                        WHERE shown IS DISTINCT FROM wanted AND parked IS NULL
                   )
            """
        )
    )


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
