"""Every command of both bots, in both languages, through real processes alone.

The sandbox, the bots and the consumers run as `make sandbox` runs them. One member of each language
walks through all commands, buttons and menus on both platforms. The bots' own registries say what
there is, so a new command without a walk turns the test red. The catalogue judges the answers: both
members read the same messages, each in their own language.
"""

import asyncio
import contextlib
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import bots.discord_bot.rooms
import bots.telegram_bot.rooms
from bots.features.room import Room, commands_of, presses_of
from bots.runtime.member_limits import BURST, REFILL_S, MemberLimits
from bots.runtime.room_services import Services, open_services
from bots.runtime.supervisor import Supervisor
from bots.texts import failures
from bots.texts.buttons import read_data
from bots.texts.markup import Markup
from bus import Source
from config import Community, Settings
from launch.sandbox_client import Call, SandboxClient
from launch.sandbox_runner import COMMUNITY, Endpoints, run_sandbox
from launch.workspace import open_workspace
from tests.support.bot_texts import DISCORD, LANGUAGES, TELEGRAM
from tests.support.catalogue import Catalogue
from tests.support.patience import PATIENCE_S
from tests.support.settling import LOOK_AGAIN_S

CATALOGUE = Catalogue()
CYRILLIC = re.compile(r"[А-Яа-яЁё]")
#: Numbers and marks, which need no translation.
WORDLESS = re.compile(r"[\d\s•‹›«»✓✗↑↓…]*")
OPEN_ROOMS: dict[Source, Callable[[Services], list[Room]]] = {
    "telegram": bots.telegram_bot.rooms.open_rooms,
    "discord": bots.discord_bot.rooms.open_rooms,
}
MARKS: dict[Source, Markup] = {"telegram": TELEGRAM, "discord": DISCORD}
MODERATOR = "900000000000000120"
#: The type of an interaction's response that is a message.
MESSAGE = 4
#: Attempts to do something on Discord.
ATTEMPTS_MAX = 5
APOLOGIES = (
    *(failures.failed, failures.unavailable, failures.in_the_way, failures.too_fast),
    failures.button_too_old,
)


class Person(NamedTuple):
    """A member of the seed with an account on each platform, and a friend, who is administrator."""

    language: str
    telegram: int
    discord: str
    friend_on_telegram: int
    friend_on_discord: str


PEOPLE = (
    Person("en", 1001, "800000000000000101", 1003, "800000000000000103"),
    Person("ru", 1002, "800000000000000102", 1004, "800000000000000104"),
)


class Shown(NamedTuple):
    """A message of a bot as a member sees it, or what it told over the chat."""

    text: str
    #: The label of each button, with what it sends; None for a link.
    buttons: list[tuple[str, str | None]]
    urls: list[str]
    message_id: str = ""
    chat_id: int = 0

    def data(self, action: str, number: int = 0) -> str:
        """Return what one of the buttons of an action sends."""
        found = [
            data
            for _, data in self.buttons
            if data is not None and (read := read_data(data)) is not None and read.action == action
        ]
        return found[number]

    def offers(self, action: str, account_id: int) -> bool:
        """Tell whether there is a button of an action for an account."""
        read = [read_data(data) for _, data in self.buttons]
        return any(one is not None and one[:2] == (action, account_id) for one in read)


class Walk:
    """One person's way through everything, and what they read at each step."""

    def __init__(self, client: SandboxClient, endpoints: Endpoints, person: Person) -> None:
        self.client = client
        self.endpoints = endpoints
        self.person = person
        #: Each answer, by the platform and the step.
        self.read: dict[tuple[str, str], Shown] = {}
        self.used: defaultdict[str, set[str]] = defaultdict(set)
        self.pressed: defaultdict[str, set[str]] = defaultdict(set)
        self.menus: set[str] = set()
        #: As the bots count; a little slower, because the clocks of the processes are not one.
        self._limits = MemberLimits(burst=BURST - 2, refill_s=REFILL_S * 1.1)

    # Telegram

    async def write(
        self,
        text: str,
        *,
        step: str,
        by: int | None = None,
        in_group: bool = False,
        reply_to: int | None = None,
    ) -> Shown:
        """Send a command, and return the answer."""
        author = by or self.person.telegram
        await self._pace(author)
        chat_id = self.endpoints.chat_id if in_group else author
        after = await self.client.newest()
        await self.client.post(
            "/telegram/say", chat_id=chat_id, user_id=author, text=text, reply_to=reply_to
        )

        def answers(call: Call) -> bool:
            is_sent = call.name in ("sendMessage", "sendPhoto") and call.status == 200
            is_here = is_sent and call.asks(chat_id=chat_id)
            return is_here and (not in_group or author in _answered_by(call))

        call = await self.client.wait_for(
            f"an answer to {text!r}", answers, after=after, timeout_s=PATIENCE_S
        )
        self.used["telegram"].add(text.split()[0].removeprefix("/"))
        return self._note("telegram", step, on_telegram(call))

    async def press_on_telegram(self, shown: Shown, data: str, *, step: str) -> Shown:
        """Press a button, and return the message in its new form."""
        await self._pace(self.person.telegram)
        after = await self.client.newest()
        await self.client.post(
            "/telegram/click",
            chat_id=shown.chat_id,
            message_id=int(shown.message_id),
            user_id=self.person.telegram,
            data=data,
        )
        call = await self.client.wait_for(
            f"a new text after the press of {data}",
            lambda call: (
                call.name == "editMessageText"
                and call.status == 200
                and call.asks(chat_id=shown.chat_id, message_id=shown.message_id)
            ),
            after=after,
            timeout_s=PATIENCE_S,
        )
        self._note_press("telegram", data)
        return self._note("telegram", step, on_telegram(call))

    async def is_refused_on_telegram(self, shown: Shown, data: str, *, step: str, by: int) -> Shown:
        """Press a button of another one, and return what is told over the chat."""
        await self._pace(by)
        answer = await self.client.post(
            "/telegram/click",
            chat_id=shown.chat_id,
            message_id=int(shown.message_id),
            user_id=by,
            data=data,
        )
        query_id = answer["callback_query_id"]
        call = await self.client.wait_for(
            "a refusal over the chat",
            lambda call: (
                call.name == "answerCallbackQuery" and call.asks(callback_query_id=query_id)
            ),
            timeout_s=PATIENCE_S,
        )
        return self._note("telegram", step, Shown(call.request["text"], [], []))

    async def telegram_shows(self, action: str, *, step: str, after: int) -> Shown:
        """Wait for a message to the person with a button of this action."""

        def has_button(call: Call) -> bool:
            is_shown = call.name in ("sendMessage", "editMessageText") and call.status == 200
            return is_shown and on_telegram(call).offers(action, self.person.telegram)

        call = await self.client.wait_for(
            f"the buttons {action}", has_button, after=after, timeout_s=PATIENCE_S
        )
        return self._note("telegram", step, on_telegram(call))

    async def _pace(self, account_id: int | str) -> None:
        """Wait until the bot answers one more question of this account."""
        while not self._limits.admits(int(account_id)):  # noqa: ASYNC110 - time makes it true
            await asyncio.sleep(LOOK_AGAIN_S)

    # Discord

    async def slash(
        self, command: str, *, step: str, by: str | None = None, **options: object
    ) -> Shown:
        """Use a slash command, and return the answer."""
        user_id = by or self.person.discord
        asked = {"user_id": user_id, "command": command, "options": options}
        shown = await self._acted("/discord/slash", **asked)
        self.used["discord"].add(command)
        return self._note("discord", step, shown)

    async def use_menu(self, entry: str, *, step: str) -> Shown:
        """Choose an entry of the friend's context menu."""
        user_id, target_id = self.person.discord, self.person.friend_on_discord
        asked = {"user_id": user_id, "command": entry, "target_id": target_id}
        shown = await self._acted("/discord/menu", **asked)
        self.menus.add(entry)
        return self._note("discord", step, shown)

    async def press_on_discord(
        self, shown: Shown, data: str, *, step: str, by: str | None = None
    ) -> Shown:
        """Press a button, and return the message in its new form, or what is told alone."""
        user_id = by or self.person.discord
        asked = {"user_id": user_id, "message_id": shown.message_id, "custom_id": data}
        after = await self._acted("/discord/click", **asked)
        self._note_press("discord", data)
        return self._note("discord", step, after)

    async def _acted(self, path: str, **asked: Any) -> Shown:
        """Act in the channel, and return the answer.

        Discord forgets what a bot has not acknowledged within three seconds, which happens to a bot
        on a busy machine. The person tries again then.
        """
        for _ in range(ATTEMPTS_MAX):
            await self._pace(asked["user_id"])
            channel_id = self.endpoints.channel_id
            made = await self.client.post(path, channel_id=channel_id, **asked)
            shown = await self._answer(made["interaction_id"], path)
            if shown is not None:
                return shown
        raise AssertionError(f"the bot never acknowledged {path} with {asked} in time")

    async def _answer(self, interaction_id: str, what: str) -> Shown | None:
        """Return the answer to an interaction; None if it was not acknowledged in time."""
        made = await self.client.wait_for(
            f"the interaction of {what}",
            lambda call: (
                call.name == "gateway INTERACTION_CREATE" and call.response["id"] == interaction_id
            ),
        )
        token = made.response["token"]

        def ends(call: Call) -> bool:
            path = call.request.get("path", {}) if isinstance(call.request, dict) else {}
            if token == path.get("interaction_token"):
                # Other responses acknowledge, and the message still is what it was.
                return call.status >= 400 or call.request["body"]["type"] == MESSAGE
            is_ours = token == path.get("webhook_token")
            return is_ours and call.status == 200 and bool(on_discord(call).text)

        call = await self.client.wait_for(
            f"an answer to {what}", ends, after=made.number, timeout_s=PATIENCE_S
        )
        return on_discord(call) if call.status < 400 else None

    async def discord_shows(self, action: str, *, step: str, after: int) -> Shown:
        """Wait for a message to the person with a button of this action."""

        def has_button(call: Call) -> bool:
            is_shown = call.name.startswith("PATCH /webhooks/") and call.status == 200
            return is_shown and on_discord(call).offers(action, int(self.person.discord))

        call = await self.client.wait_for(
            f"the buttons {action}", has_button, after=after, timeout_s=PATIENCE_S
        )
        return self._note("discord", step, on_discord(call))

    def _note(self, platform: str, step: str, shown: Shown) -> Shown:
        assert (platform, step) not in self.read, f"two steps are called {step}"
        self.read[platform, step] = shown
        return shown

    def _note_press(self, platform: str, data: str) -> None:
        pressed = read_data(data)
        assert pressed is not None
        self.pressed[platform].add(pressed.action)


def _answered_by(call: Call) -> list[int]:
    """Return the accounts that a message in the group answers, openly or for their eyes alone."""
    message = call.response["result"]
    asked = message.get("reply_to_message", {}).get("from", {}).get("id", 0)
    hidden = call.request.get("ephemeral_message_parameters") or {}
    hidden = json.loads(hidden) if isinstance(hidden, str) else hidden
    return [asked, hidden.get("receiver_user_id", 0)]


def on_telegram(call: Call) -> Shown:
    """Return a sent or edited message."""
    message = call.response["result"]
    rows = message.get("reply_markup", {}).get("inline_keyboard", ())
    keys = [key for row in rows for key in row]
    return Shown(
        message.get("text") or message.get("caption") or "",
        [(key["text"], key.get("callback_data")) for key in keys],
        [key["url"] for key in keys if "url" in key],
        str(message["message_id"]),
        message["chat"]["id"],
    )


def on_discord(call: Call) -> Shown:
    """Return an answer: a message, or the body of a response that has no message of its own."""
    message: Any = call.response if isinstance(call.response, dict) else {}
    if "resource" in message:
        message = message["resource"].get("message") or {}
    described = [one.get("description") or "" for one in message.get("attachments", ())]
    text = message.get("content") or "\n".join(described)
    parts = [part for row in message.get("components", ()) for part in row.get("components", ())]
    return Shown(
        re.sub(r"\*\*|`|\\", "", text),
        [(part.get("label", ""), part.get("custom_id")) for part in parts],
        [part["url"] for part in parts if "url" in part],
        str(message.get("id", "")),
    )


# Walks: one for each command. Each uses the command on both platforms, and its buttons.

Step = Callable[[Walk], Awaitable[None]]


async def start(walk: Walk) -> None:
    await walk.write("/start", step="start")
    await walk.slash("start", step="start")


async def help_(walk: Walk) -> None:
    await walk.write("/help", step="help")
    await walk.slash("help", step="help")


async def guess(walk: Walk) -> None:
    """Press numbers until the round is over."""
    shown = await walk.write("/guess", step="guess")
    for number in range(10):
        if not shown.offers("guess", walk.person.telegram):
            break
        data = shown.data("guess")
        shown = await walk.press_on_telegram(shown, data, step=f"guess {number}")
    shown = await walk.slash("guess", step="guess")
    await walk.press_on_discord(shown, shown.data("guess"), step="guess 0")
    await walk.write("/guess 5", step="guess by number")
    await walk.slash("guess", step="guess by number", number=5)


async def daily(walk: Walk) -> None:
    await walk.write("/daily", step="daily")
    await walk.write("/daily", step="daily again")
    await walk.slash("daily", step="daily")
    await walk.slash("daily", step="daily again")


async def profile(walk: Walk) -> None:
    await walk.write("/profile", step="profile")
    await walk.write("/profile text", step="profile in words")
    await walk.slash("profile", step="profile")
    await walk.slash("profile", step="profile in words", text=True)
    await walk.slash("profile", step="profile of another", member=walk.person.friend_on_discord)
    await walk.use_menu("Profile", step="profile by the menu")


async def why(walk: Walk) -> None:
    person = walk.person
    await walk.write("/why", step="why")
    await walk.write("/why", step="why in the group", in_group=True)
    await walk.write(f"/why {person.friend_on_telegram}", step="why of another")
    await walk.slash("why", step="why")
    await walk.slash("why", step="why of another", member=person.friend_on_discord)


async def top(walk: Walk) -> None:
    """See each board, and turn from each to the next one."""
    person = walk.person
    shown = await walk.write("/top", step="top")
    for number in (1, 2, 3, 4, 5, 0):
        shown = await walk.press_on_telegram(
            shown, shown.data("top", number), step=f"top, board {number}"
        )
    friend = person.friend_on_telegram
    shown = await walk.write("/top", step="top in the group", in_group=True)
    await walk.is_refused_on_telegram(shown, shown.data("top"), step="top of another", by=friend)
    await walk.write("/top nonsense", step="top of nothing")
    shown = await walk.slash("top", step="top", board="xp")
    for number in (1, 2, 3, 4, 5, 0):
        shown = await walk.press_on_discord(
            shown, shown.data("top", number), step=f"top, board {number}"
        )
    by = person.friend_on_discord
    await walk.press_on_discord(shown, shown.data("top"), step="top of another", by=by)


async def thanks(walk: Walk) -> None:
    person = walk.person
    said = await walk.client.post(
        "/telegram/say",
        chat_id=walk.endpoints.chat_id,
        user_id=person.friend_on_telegram,
        text="Turn it off and on again",
    )
    in_group: dict[str, Any] = {"in_group": True, "reply_to": said["message_id"]}
    await walk.write("/thanks", step="thanks", **in_group)
    await walk.write("/thanks", step="thanks again", **in_group)
    await walk.write("/thanks", step="thanks to nobody")
    await walk.slash("thanks", step="thanks", member=person.friend_on_discord)
    await walk.slash("thanks", step="thanks again", member=person.friend_on_discord)
    await walk.slash("thanks", step="thanks to nobody")


async def privacy(walk: Walk) -> None:
    """See what is stored, hide and show oneself, and nearly have it forgotten."""
    await walk.write("/privacy", step="privacy in the group", in_group=True)
    shown = await walk.write("/privacy", step="privacy")
    steps = ("hide", 1), ("show", 1), ("forget", 2), ("keep", 1), ("export", 0), ("forget again", 2)
    for step, number in (*steps, ("forgotten", 0)):
        shown = await walk.press_on_telegram(
            shown, shown.data("privacy", number), step=f"privacy, {step}"
        )
    shown = await walk.slash("privacy", step="privacy")
    for step, number in (*steps, ("forgotten", 0)):
        shown = await walk.press_on_discord(
            shown, shown.data("privacy", number), step=f"privacy, {step}"
        )


async def reward(walk: Walk) -> None:
    person = walk.person
    friend = person.friend_on_telegram
    await walk.write(f"/reward {friend} 5 xp please", step="reward by a member")
    await walk.write("/reward", step="reward of nothing", by=friend)
    await walk.write(f"/reward {person.telegram} 50 xp quiz", step="reward", by=friend)
    by = person.friend_on_discord
    await walk.slash("reward", step="reward of nothing", by=by)
    given = {"member": person.discord, "xp": 50, "reason": "quiz"}
    await walk.slash("reward", step="reward", by=by, **given)


async def links(walk: Walk) -> None:
    person = walk.person
    friend = person.friend_on_telegram
    await walk.write("/links", step="links by a member")
    await walk.write("/links", step="links of nothing", by=friend)
    await walk.write(f"/links see {person.telegram}", step="links see", by=friend)
    by = person.friend_on_discord
    await walk.slash("links", step="links of nothing", by=by)
    see = f"see {person.discord}"
    await walk.slash("links", step="links see", by=by, words=see)


async def link(walk: Walk) -> None:
    """Decline, cancel and confirm, on both sides, and be told with whom one is linked."""
    await walk.write("/link", step="link in the group", in_group=True)
    await walk.slash("link", step="link by a wrong code", code="ABCDEFGHJK")
    question, _ = await from_telegram(walk, "link, declined on Telegram")
    await walk.press_on_telegram(question, question.data("link.no"), step="decline")
    _, opened = await from_telegram(walk, "link, cancelled on Discord")
    await walk.press_on_discord(opened, opened.data("link.cancel"), step="cancel")
    question, _ = await from_discord(walk, "link, declined on Discord")
    await walk.press_on_discord(question, question.data("link.no"), step="decline")
    _, opened = await from_discord(walk, "link, cancelled on Telegram")
    await walk.press_on_telegram(opened, opened.data("link.cancel"), step="cancel")
    question, _ = await from_telegram(walk, "link, confirmed on Telegram")
    await walk.press_on_telegram(question, question.data("link.yes"), step="confirm")
    await walk.write("/link", step="link once more")
    await walk.slash("link", step="link once more")


async def unlink(walk: Walk) -> None:
    """Ask, keep the link, and end it; those of one language undo it."""
    await walk.write("/unlink", step="unlink in the group", in_group=True)
    asked = await walk.write("/unlink", step="unlink")
    await walk.press_on_telegram(asked, asked.data("keep_link"), step="unlink, kept")
    asked = await walk.slash("unlink", step="unlink")
    await walk.press_on_discord(asked, asked.data("keep_link"), step="unlink, kept")
    asked = await walk.write("/unlink", step="unlink again")
    end = "undo_link" if walk.person.language == "ru" else "unlink"
    await walk.press_on_telegram(asked, asked.data(end), step=f"{end}, done")
    await walk.write("/unlink", step=f"unlink of nothing after {end}")
    await walk.slash("unlink", step=f"unlink of nothing after {end}")
    question, _ = await from_discord(walk, "link, confirmed on Discord")
    await walk.press_on_discord(question, question.data("link.yes"), step="confirm")


async def undo(walk: Walk) -> None:
    """Ask, keep the link, and undo it; those of one language end it."""
    await walk.write("/undo", step="undo in the group", in_group=True)
    asked = await walk.write("/undo", step="undo")
    await walk.press_on_telegram(asked, asked.data("keep_link"), step="undo, kept")
    await walk.slash("undo", step="undo")
    asked = await walk.slash("unlink", step="unlink again")
    end = "unlink" if walk.person.language == "ru" else "undo_link"
    await walk.press_on_discord(asked, asked.data(end), step=f"{end}, done")
    await walk.write("/undo", step=f"undo of nothing after {end}")
    await walk.slash("undo", step=f"undo of nothing after {end}")


async def from_telegram(walk: Walk, step: str) -> tuple[Shown, Shown]:
    """Start on Telegram and open on Discord. Returns the question, and what the opener sees."""
    after = await walk.client.newest()
    started = await walk.write("/link", step=step)
    code = re.findall(r"\b[A-Z2-9]{10}\b", started.text)[0]
    opened = await walk.slash("link", step=step, code=code)
    question = await walk.telegram_shows("link.yes", step=f"{step}, question", after=after)
    return question, opened


async def from_discord(walk: Walk, step: str) -> tuple[Shown, Shown]:
    """Start on Discord and open on Telegram. Returns the question, and what the opener sees."""
    after = await walk.client.newest()
    started = await walk.slash("link", step=step)
    payload = started.urls[0].partition("?start=")[2]
    opened = await walk.write(f"/start {payload}", step=step)
    question = await walk.discord_shows("link.yes", step=f"{step}, question", after=after)
    return question, opened


WALKS: dict[str, Step] = {
    "start": start,
    "help": help_,
    "guess": guess,
    "daily": daily,
    "profile": profile,
    "why": why,
    "top": top,
    "thanks": thanks,
    "reward": reward,
    "links": links,
    "link": link,
    "unlink": unlink,
    "undo": undo,
    "privacy": privacy,  # the last one: in the end nothing is stored about anybody
}


async def walk_through(walk: Walk) -> None:
    for step in WALKS.values():
        await step(walk)


@contextlib.asynccontextmanager
async def registries(endpoints: Endpoints) -> AsyncIterator[dict[Source, list[Room]]]:
    """The rooms as each bot opens them."""
    community = Community.from_toml(COMMUNITY)
    settings = Settings(redis_url=endpoints.redis_url, database_url=endpoints.database_url)
    async with contextlib.AsyncExitStack() as stack:
        opened: dict[Source, list[Room]] = {}
        for platform, open_rooms in OPEN_ROOMS.items():
            services = await stack.enter_async_context(
                open_services(
                    settings,
                    community,
                    Supervisor(asyncio.Event()),
                    platform=platform,
                    mark=MARKS[platform],
                )
            )
            opened[platform] = open_rooms(services)
        yield opened


async def make_administrators(client: SandboxClient) -> None:
    """Both bots know administrators by their platform's rights."""
    rights = ["MANAGE_GUILD", "MANAGE_MESSAGES"]
    await client.post("/discord/permissions", role_id=MODERATOR, permissions=rights)
    for person in PEOPLE:
        friend = {"user_id": person.friend_on_telegram, "platform": "telegram"}
        await client.post("/members", action="promote", **friend)
        friend = {"user_id": person.friend_on_discord, "role_id": MODERATOR}
        await client.post("/discord/roles", action="give", **friend)


def faults_of(walk: Walk) -> list[str]:
    """Name every answer that is not in the person's language, or apologises."""
    language = walk.person.language
    texts = LANGUAGES.speak(language)
    apologies = {apology(texts) for apology in APOLOGIES}
    found = []
    for (platform, step), shown in walk.read.items():
        where = f"{language}, {platform}, {step}"
        if not CATALOGUE.said(shown.text, language):
            found.append(f"{where}: is no text of the catalogue: {shown.text!r}")
        if any(apology in shown.text for apology in apologies):
            found.append(f"{where}: apologises: {shown.text!r}")
        if language == "en" and CYRILLIC.search(shown.text):
            found.append(f"{where}: is Russian: {shown.text!r}")
        for label, _ in shown.buttons:
            is_known = CATALOGUE.has_label(label.removeprefix("• "), language)
            if not is_known and not WORDLESS.fullmatch(label):
                found.append(f"{where}: a button is called {label!r}")
    return found


def differences(english: Walk, russian: Walk) -> list[str]:
    """Name the steps at which the two people do not read the same messages."""
    found = []
    for step in english.read.keys() & russian.read.keys():
        one, other = (
            CATALOGUE.sentences(walk.read[step].text, walk.person.language)
            for walk in (english, russian)
        )
        # The game's numbers decide what it says, and whether there is an achievement to tell of.
        # A board shows what the other person has done by then.
        is_by_chance = step[1].startswith(("guess", "top"))
        if {name for name in one ^ other if "chievement" not in name} and not is_by_chance:
            found.append(f"{step}: only in English {one - other}, only in Russian {other - one}")
    return found


@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_every_command_answers_each_member_in_their_own_language(tmp_path: Path):
    async with contextlib.AsyncExitStack() as stack:
        workspace = stack.enter_context(open_workspace(tmp_path / "sandbox", Settings()))
        running = await stack.enter_async_context(run_sandbox(workspace, limit_scale=0.01))
        rooms = await stack.enter_async_context(registries(running.endpoints))
        for platform in OPEN_ROOMS:
            assert {command.name for command in commands_of(rooms[platform])} == WALKS.keys()
        client = await stack.enter_async_context(SandboxClient(running.endpoints.control_url))
        await make_administrators(client)
        walks = [Walk(client, running.endpoints, person) for person in PEOPLE]
        await asyncio.gather(*map(walk_through, walks))
        logs = {log.name: log.read_text() for log in workspace.logs.iterdir()}

    faults = [fault for walk in walks for fault in faults_of(walk)] + differences(*walks)
    assert not faults, "\n".join(faults)
    for platform, opened in rooms.items():
        pressed = set().union(*(walk.pressed[platform] for walk in walks))
        assert pressed == presses_of(opened).keys()
        for walk in walks:
            assert walk.used[platform] >= WALKS.keys(), (platform, walk.person.language)
    entries = {command.user_menu for command in commands_of(rooms["discord"])} - {""}
    for walk in walks:
        assert walk.menus == entries
    for name, log in logs.items():
        assert "Traceback" not in log, name
        assert "interaction.failed" not in log, name
