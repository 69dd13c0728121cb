"""A simulated member of the sandbox's community, who writes, uses commands and plays games."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import LaunchError
from .sandbox_client import Call, SandboxClient
from .sandbox_runner import Endpoints

NUMBER_MIN, NUMBER_MAX = 1, 10
GUESSES_MAX = 40


class Answer(NamedTuple):
    """An answer of a bot, and its time (Unix seconds)."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class SandboxMember:
    """A person who is in both the Telegram group and the Discord server."""

    client: SandboxClient
    endpoints: Endpoints
    name: str
    telegram_id: int
    discord_id: str

    @classmethod
    async def arrive(
        cls, client: SandboxClient, endpoints: Endpoints, name: str
    ) -> "SandboxMember":
        """Join the group and the server as a new person."""
        ids = [
            (await client.post("/members", platform=platform, action="join", name=name))["user_id"]
            for platform in ("telegram", "discord")
        ]
        return cls(client, endpoints, name, int(ids[0]), str(ids[1]))

    async def telegram(self, text: str, *, privately: bool = False) -> Answer:
        """Write to the group, or to the bot in private, and wait for the bot's answer."""
        call = await self._telegram_answer(text, privately=privately)
        return Answer(_plain(call.request["text"]), call.at)

    async def _telegram_answer(self, text: str, *, privately: bool) -> Call:
        chat_id = self.telegram_id if privately else self.endpoints.chat_id
        after = await self.client.newest()
        await self.client.post(
            "/telegram/say", chat_id=chat_id, user_id=self.telegram_id, text=text
        )

        def answers(call: Call) -> bool:
            return call.name == "sendMessage" and call.status == 200 and call.asks(chat_id=chat_id)

        return await self.client.wait_for(f"an answer to {text!r}", answers, after=after)

    async def discord(self, command: str, **options: Any) -> Answer:
        """Use a slash command, and wait for the bot's answer."""
        call = await self._discord_answer(command, **options)
        return Answer(_content(call), call.at)

    async def _discord_answer(self, command: str, **options: Any) -> Call:
        after = await self.client.newest()
        await self.client.post(
            "/discord/slash",
            channel_id=self.endpoints.channel_id,
            user_id=self.discord_id,
            command=command,
            options=options,
        )

        def answers(call: Call) -> bool:
            # A direct message, such as a notice of an undo, is no answer.
            is_answer = call.name.startswith("POST /webhooks/")
            return is_answer and call.status == 200 and bool(_content(call))

        return await self.client.wait_for(f"an answer to /{command}", answers, after=after)

    async def win_in_telegram(self) -> Answer:
        """Play in the group until a game is won. Returns the answer that announces it."""

        async def guess(number: int) -> Answer:
            return await self.telegram(f"/guess {number}")

        return await _play(guess)

    async def win_in_discord(self) -> Answer:
        """Play in the server until a game is won. Returns the answer that announces it."""

        async def guess(number: int) -> Answer:
            return await self.discord("guess", number=number)

        return await _play(guess)

    async def link(self) -> list[Answer]:
        """Link in one tap: start on Discord, open the link on Telegram, confirm on Discord.

        Returns what the bots answered: to the link, as a question, and to the confirmation.
        """
        started = await self._discord_answer("link")
        body = started.request["body"]
        urls = [button["url"] for button in _buttons(body) if "url" in button]
        if not urls:
            raise LaunchError(f"the Discord bot gave no link but answered: {body['content']}")
        payload = urls[0].partition("?start=")[2]
        opened = await self.telegram(f"/start {payload}", privately=True)

        def asks(call: Call) -> bool:
            return call.name.startswith("PATCH /webhooks/") and bool(_buttons(_body(call)))

        question = await self.client.wait_for("a question", asks, after=started.number)
        after = await self.client.newest()
        await self.client.post(
            "/discord/click",
            channel_id=self.endpoints.channel_id,
            message_id=started.response["id"],
            user_id=self.discord_id,
            custom_id=_buttons(_body(question))[0]["custom_id"],
        )

        def answers(call: Call) -> bool:
            return call.name.startswith("PATCH /webhooks/") and bool(_content(call))

        done = await self.client.wait_for("an answer to the confirmation", answers, after=after)
        asked = Answer(_content(question), question.at)
        return [opened, asked, Answer(_content(done), done.at)]

    async def undo_link(self) -> Answer:
        """Undo the link: send /undo to the Telegram bot in private, and press its first button."""
        asked = await self._telegram_answer("/undo", privately=True)
        markup = asked.request.get("reply_markup")
        if not markup:
            raise LaunchError(f"the Telegram bot asked nothing but said: {asked.request['text']}")
        keyboard = json.loads(markup) if isinstance(markup, str) else markup
        message_id = asked.response["result"]["message_id"]
        after = await self.client.newest()
        await self.client.post(
            "/telegram/click",
            chat_id=self.telegram_id,
            message_id=message_id,
            user_id=self.telegram_id,
            data=keyboard["inline_keyboard"][0][0]["callback_data"],
        )

        def answers(call: Call) -> bool:
            is_edit = call.name == "editMessageText" and call.status == 200
            return is_edit and call.asks(chat_id=self.telegram_id, message_id=message_id)

        done = await self.client.wait_for("an answer to the undo", answers, after=after)
        return Answer(_plain(done.request["text"]), done.at)

    async def role_names(self) -> list[str]:
        """Return the names of this person's roles on Discord."""
        world = (await self.client.get("/world"))["discord"]
        names = {role["id"]: str(role["name"]) for role in world["roles"]}
        for member in world["members"]:
            if member["user"]["id"] == self.discord_id:
                return sorted(names[role] for role in member["roles"])
        raise LaunchError(f"{self.name} is no longer in the sandbox's Discord server")

    async def tag(self) -> str:
        """Return this person's tag on Telegram; empty if there is none."""
        world = (await self.client.get("/world"))["telegram"]
        for member in world["members"]:
            if member["user_id"] == self.telegram_id:
                return str(member["tag"] or "")
        raise LaunchError(f"{self.name} is no longer in the sandbox's Telegram group")


async def _play(guess: Callable[[int], Any]) -> Answer:
    low, high = NUMBER_MIN, NUMBER_MAX
    for _ in range(GUESSES_MAX):
        number = (low + high) // 2
        answer: Answer = await guess(number)
        if "Yes" in answer.text:
            return answer
        if "higher" in answer.text:
            low = number + 1
        elif "lower" in answer.text:
            high = number - 1
        else:  # no tries left: the next round has another number
            low, high = NUMBER_MIN, NUMBER_MAX
    raise LaunchError(
        f"no game was won in {GUESSES_MAX} guesses; the last answer was: {answer.text}"
    )


def _body(call: Call) -> dict[str, Any]:
    body = call.request.get("body") if isinstance(call.request, dict) else None
    return body if isinstance(body, dict) else {}


def _content(call: Call) -> str:
    content = _body(call).get("content")
    return content if isinstance(content, str) else ""


def _buttons(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [button for row in body.get("components") or () for button in row["components"]]


def _plain(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)
