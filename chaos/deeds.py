"""Deeds of people: what they do on the sandbox's platforms, and the journal of what was accepted.

A deed is in the journal once its platform has accepted it, whatever becomes of it at the bots.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple

from bus import Source
from launch.sandbox_client import SandboxClient

from .community import (
    CHANNEL_ID,
    CHAT_ID,
    DISCORD_ADMINISTRATORS,
    REWARD_XP,
    SEEDED,
    TELEGRAM_ADMINISTRATORS,
    VOICE_CHANNEL_ID,
)

Kind = Literal[
    "message",
    "repetition",
    "reaction",
    "thank",
    "voice",
    "quiet",
    "reward",
    "invitation",
    "claim",
    "board",
]
#: Seconds between two deeds: a lively community, and far from the most that the bots can take.
INTERVAL_S: Final = 0.2
#: Accounts on each platform beside those of the sandbox's seed.
JOINED: Final = 8
#: Pairs of them that are one person's, so that the limits of a person hold on both platforms.
LINKED: Final = 4
TALKERS: Final = 4
#: Messages of a platform that people react to and reply to: the newest ones.
MESSAGES_MAX: Final = 12
#: Letters of a random word; texts of such words are not alike.
LETTERS: Final = "abcdefghijklmnoprstuvwyz"
REPEATED_TEXT: Final = "I say this again and again and again"
BOARDS: Final = ("xp", "month", "week", "coins", "streak", "thanks")
#: How often each kind of deed is done, compared with the others.
SHARES: Final = {
    "write": 9,
    "repeat": 2,
    "react": 9,
    "thank": 3,
    "talk": 3,
    "reward": 2,
    "invite": 1,
    "claim": 2,
    "look": 4,
}


class Deed(NamedTuple):
    """Something that an account did, at a time (Unix seconds) at which the platform took it."""

    kind: Kind
    platform: Source
    account_id: int
    at: float
    #: The account to which it was done; 0 for none.
    other_id: int = 0
    #: Names the platform's message or interaction, as the record does, or a text that tells it.
    entity_id: str = ""


class _Message(NamedTuple):
    id: int
    author_id: int


class Deeds:
    """Lets people do things, one at a time, in an order that a seed decides."""

    def __init__(self, client: SandboxClient, seed: str) -> None:
        self._client = client
        self._chance = random.Random(f"{seed}/deeds")
        self._people: dict[Source, list[int]] = {"telegram": [], "discord": []}
        self._talkers: list[int] = []
        self._talking: dict[int, bool] = {}
        self._newest: dict[Source, list[_Message]] = {"telegram": [], "discord": []}
        self._number = 0
        #: Accounts of one person, on Telegram and on Discord.
        self.pairs: list[tuple[int, int]] = []
        #: Everything that was accepted, in its order.
        self.journal: list[Deed] = []

    async def gather(self) -> None:
        """Let everybody come who is there from the beginning."""
        for number in range(JOINED):
            for platform, people in self._people.items():
                people.append(await self._join(platform, f"{platform.capitalize()}{number}"))
        self.pairs = list(zip(*self._people.values(), strict=True))[:LINKED]
        for number in range(TALKERS):
            self._talkers.append(await self._join("discord", f"Talker{number}"))
        self._people["telegram"] += SEEDED.keys()
        self._people["discord"] += SEEDED.values()

    async def go_on(self, stop: asyncio.Event) -> None:
        """Do one deed after the other until `stop`, so that each one done is in the journal."""
        deeds: dict[str, Callable[[], Awaitable[None]]] = {
            "write": self._write,
            "repeat": self._repeat,
            "react": self._react,
            "thank": self._thank,
            "talk": self._talk,
            "reward": self._reward,
            "invite": self._invite,
            "claim": self._claim,
            "look": self._look,
        }
        while not stop.is_set():
            kind = self._chance.choices(list(SHARES), list(SHARES.values()))[0]
            await deeds[kind]()
            await asyncio.sleep(INTERVAL_S)

    async def _write(self) -> None:
        """Write something new, as an honest member does, and as a script does without a pause."""
        platform = self._platform()
        author = self._chance.choice(self._people[platform])
        message_id = await self._say(platform, author, self._words())
        self._note("message", platform, author, entity_id=str(message_id))
        self._newest[platform] = [
            *self._newest[platform][-MESSAGES_MAX + 1 :],
            _Message(message_id, author),
        ]

    async def _repeat(self) -> None:
        """Write the same once more. The Telegram bot reads it; the Discord bot reads nothing."""
        platform = self._platform()
        author = self._chance.choice(self._people[platform])
        message_id = await self._say(platform, author, REPEATED_TEXT)
        kind: Kind = "repetition" if platform == "telegram" else "message"
        self._note(kind, platform, author, entity_id=str(message_id))

    async def _react(self) -> None:
        """React to a message, and sometimes take it back and react again."""
        platform = self._platform()
        if not self._newest[platform]:
            return
        message = self._chance.choice(self._newest[platform])
        giver = self._chance.choice(self._people[platform])
        is_known = any(
            (one.kind, one.platform, one.account_id, one.entity_id)
            == ("reaction", platform, giver, str(message.id))
            for one in self.journal
        )
        if is_known:
            await self._show_reaction(platform, message.id, giver, added=False)
        await self._show_reaction(platform, message.id, giver, added=True)
        if giver != message.author_id:
            self._note("reaction", platform, giver, message.author_id, str(message.id))

    async def _thank(self) -> None:
        """Thank a member by a command or a word in a reply."""
        platform = self._platform()
        if not self._newest[platform]:
            return
        message = self._chance.choice(self._newest[platform])
        giver = self._chance.choice(self._people[platform])
        if platform == "telegram":
            text = self._chance.choice(("/thanks", "Thank you so much!"))
            said = await self._say(platform, giver, text, reply_to=message.id)
            entity_id = f"{CHAT_ID}.{said}"
        else:
            entity_id = await self._slash(giver, "thanks", member=str(message.author_id))
        if giver != message.author_id:
            self._note("thank", platform, giver, message.author_id, entity_id)

    async def _talk(self) -> None:
        """Come into the voice channel, mute or unmute there, or leave it."""
        talker = self._chance.choice(self._talkers)
        action: dict[str, object] = {"action": "join", "channel_id": str(VOICE_CHANNEL_ID)}
        kind: Kind = "voice"
        if talker in self._talking:
            action = {"action": "leave"} if self._chance.random() < 0.2 else {"action": "update"}
        if action["action"] == "update":
            muted = self._talking[talker] = not self._talking[talker]
            action["self_mute"] = muted
            kind = "quiet" if muted else "voice"
        elif action["action"] == "leave":
            del self._talking[talker]
            kind = "quiet"
        else:
            action["self_mute"] = self._talking[talker] = False
        await self._client.post("/discord/voice", user_id=str(talker), **action)
        self._note(kind, "discord", talker)

    async def _reward(self) -> None:
        """Let an administrator reward a member, by a command whose reason has a number."""
        platform = self._platform()
        self._number += 1
        reason = f"deed {self._number}"
        receiver = self._chance.choice(self._people[platform])
        if platform == "telegram":
            giver = self._chance.choice(TELEGRAM_ADMINISTRATORS)
            text = f"/reward {receiver} {REWARD_XP} xp {reason}"
            await self._say(platform, giver, text, chat_id=giver)
        else:
            giver = self._chance.choice(DISCORD_ADMINISTRATORS)
            options = {"member": str(receiver), "xp": REWARD_XP, "reason": reason}
            await self._slash(giver, "reward", **options)
        self._note("reward", platform, giver, receiver, reason)

    async def _invite(self) -> None:
        """Bring somebody along, who says something, claims the day, and sometimes comes again."""
        inviter = self._chance.choice(self._people["telegram"])
        self._number += 1
        name = f"Newcomer{self._number}"
        answer = await self._client.post("/telegram/join", name=name, added_by=inviter)
        newcomer = int(answer["user_id"])
        self._note("invitation", "telegram", inviter, newcomer)
        message_id = await self._say("telegram", newcomer, self._words())
        self._note("message", "telegram", newcomer, entity_id=str(message_id))
        await self._say("telegram", newcomer, "/daily", chat_id=newcomer)
        self._note("claim", "telegram", newcomer)
        if self._chance.random() < 0.2:
            leaving = {"platform": "telegram", "action": "leave", "user_id": newcomer}
            await self._client.post("/members", **leaving)
            await self._client.post("/telegram/join", user_id=newcomer, added_by=inviter)
            self._note("invitation", "telegram", inviter, newcomer)

    async def _claim(self) -> None:
        """Claim the reward of the day."""
        platform = self._platform()
        account_id = self._chance.choice(self._people[platform])
        if platform == "telegram":
            await self._say(platform, account_id, "/daily", chat_id=account_id)
        else:
            await self._slash(account_id, "daily")
        self._note("claim", platform, account_id)

    async def _look(self) -> None:
        """Look at a board."""
        platform = self._platform()
        account_id = self._chance.choice(self._people[platform])
        board = self._chance.choice(BOARDS)
        if platform == "telegram":
            await self._say(platform, account_id, f"/top {board}", chat_id=account_id)
        else:
            await self._slash(account_id, "top", board=board)
        self._note("board", platform, account_id, entity_id=board)

    def _note(
        self,
        kind: Kind,
        platform: Source,
        account_id: int,
        other_id: int = 0,
        entity_id: str = "",
    ) -> None:
        self.journal.append(Deed(kind, platform, account_id, time.time(), other_id, entity_id))

    async def _join(self, platform: Source, name: str) -> int:
        answer = await self._client.post("/members", platform=platform, action="join", name=name)
        return int(answer["user_id"])

    async def _say(
        self,
        platform: Source,
        user_id: int,
        text: str,
        *,
        chat_id: int = CHAT_ID,
        reply_to: int | None = None,
    ) -> int:
        if platform == "telegram":
            where: dict[str, object] = {"chat_id": chat_id, "reply_to": reply_to}
            answer = await self._client.post("/telegram/say", user_id=user_id, text=text, **where)
        else:
            where = {"channel_id": str(CHANNEL_ID)}
            answer = await self._client.post(
                "/discord/say", user_id=str(user_id), text=text, **where
            )
        return int(answer["message_id"])

    async def _slash(self, user_id: int, command: str, **options: object) -> str:
        answer = await self._client.post(
            "/discord/slash",
            channel_id=str(CHANNEL_ID),
            user_id=str(user_id),
            command=command,
            options=options,
        )
        return str(answer["interaction_id"])

    async def _show_reaction(
        self, platform: Source, message_id: int, user_id: int, *, added: bool
    ) -> None:
        if platform == "telegram":
            reaction = {"chat_id": CHAT_ID, "message_id": message_id, "user_id": user_id}
            await self._client.post("/telegram/react", **reaction, emoji="👍" if added else None)
        else:
            where = {"channel_id": str(CHANNEL_ID), "message_id": str(message_id)}
            await self._client.post(
                "/discord/react", **where, user_id=str(user_id), emoji="👍", added=added
            )

    def _platform(self) -> Source:
        return self._chance.choice(tuple(self._people))

    def _words(self) -> str:
        chance = self._chance
        return " ".join("".join(chance.choices(LETTERS, k=7)) for _ in range(6))
