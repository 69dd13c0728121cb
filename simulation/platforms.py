"""Discord and Telegram with their faults: who is there, what they wear, and calls that go wrong.

They stand where discord.py and aiogram would send their requests, so the real displays run: what
they read and write, in which order, and what they make of each failure.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import discord
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import GetChatMember
from aiogram.types import ChatMemberAdministrator, ChatMemberLeft, ChatMemberMember, User

from bus import Source
from config import Community

from .simulated_process import Machine, Process, current

BOT: Final = 7
BOT_ROLE: Final = 700
#: A role that has nothing to do with us, which everybody wears.
FOREIGN_ROLE: Final = 800
MANAGE_ROLES: Final = 1 << 28
#: What may befall a call; only a write can be answered with success and have done nothing.
READ_TROUBLES: Final = ("unreachable", "answer lost", "out of order", "asks to wait", "hangs")
WRITE_TROUBLES: Final = (*READ_TROUBLES, "does nothing")
#: Nobody waits for so long.
HANG_S: Final = 3_600.0
ASKS_TO_WAIT_S: Final = 3


class Platform(ABC):
    """A place with members. Those who leave wear nothing when they come back."""

    def __init__(self, name: Source, machine: Machine) -> None:
        self.name = name
        self.reachable = True
        self.trouble_share = 0.0
        #: Requests about members that are neither answered nor given up.
        self.under_way = 0
        self.away: set[int] = set()
        #: Befalls the process of the next write, before it takes effect.
        self.before_next_write: Callable[[Process], None] | None = None
        self._machine = machine

    @abstractmethod
    def error(self, trouble: str) -> Exception:
        """Return what the platform's library raises at this trouble."""

    @abstractmethod
    def undress(self, account: int) -> None:
        """Take from somebody all that they wear."""

    def leave(self, account: int) -> None:
        """Let somebody go."""
        self.away.add(account)
        self.undress(account)

    @asynccontextmanager
    async def request(
        self, what: str, account: int = BOT, *, writes: bool = False
    ) -> AsyncIterator[bool]:
        """Carry one request there, let the block execute it, and carry its answer back.

        The block is told whether a write takes effect. Without an executed request there is no
        block: the error is raised before it. A refusal that the block raises is the answer.
        """
        about_member = account != BOT
        self.under_way += about_member
        try:
            await current().turn()
            trouble = self._trouble(writes)
            who = account if about_member else "bot"
            self._machine.note(current().name, f"{self.name} {what} {who}: {trouble or 'well'}")
            if trouble == "hangs":
                await asyncio.sleep(HANG_S)
            if trouble in ("unreachable", "out of order", "asks to wait"):
                raise self.error(trouble)
            given_up = False
            if writes and (befall := self.before_next_write):
                self.before_next_write = None
                befall(current())
                given_up = await current().outlast_pause()
            yield trouble != "does nothing"
            if given_up:  # only after the request is out does the stopped process see the time
                raise asyncio.CancelledError
            if trouble == "answer lost":
                raise self.error(trouble)
            await current().turn()
        finally:
            self.under_way -= about_member

    def _trouble(self, writes: bool) -> str | None:
        dice = self._machine.dice
        if not self.reachable:
            return "unreachable"
        if dice.random() >= self.trouble_share:
            return None
        return dice.choice(WRITE_TROUBLES if writes else READ_TROUBLES)


class DiscordServer(Platform):
    """A server and its roles: as much of `discord.Client`, and of its `http`, as we use."""

    def __init__(self, machine: Machine, community: Community) -> None:
        super().__init__("discord", machine)
        self.user = SimpleNamespace(id=BOT)
        self.http = self
        self._guild_id = community.discord.guild_id
        self._ours = sorted(community.discord_roles)
        self._worn: dict[int, set[int]] = {}

    def wears(self, account: int) -> set[int]:
        """Return somebody's roles."""
        return self._worn.setdefault(account, {FOREIGN_ROLE})

    def undress(self, account: int) -> None:
        """Take all roles but the one that is none of our business."""
        self._worn.pop(account, None)

    def error(self, trouble: str) -> Exception:
        """Return what discord.py raises."""
        if trouble == "asks to wait":
            return discord.RateLimited(ASKS_TO_WAIT_S)
        if trouble == "out of order":
            return discord.DiscordServerError(_response(503), "Service Unavailable")
        return aiohttp.ServerDisconnectedError()

    async def get_guilds(self, limit: int, **_: Any) -> list[dict[str, Any]]:
        """Return the servers that the bot is in."""
        async with self.request("GET guilds"):
            return [{"id": str(self._guild_id)}]

    async def get_roles(self, guild_id: int) -> list[dict[str, Any]]:
        """Return the server's roles, the bot's own above the others."""
        async with self.request("GET roles"):
            return [_role(BOT_ROLE, 2, MANAGE_ROLES), *(_role(one, 1, 0) for one in self._ours)]

    async def get_member(self, guild_id: int, user_id: int) -> dict[str, Any]:
        """Return a member with their roles."""
        async with self.request("GET member", user_id):
            if user_id == BOT:
                return {"roles": [str(BOT_ROLE)]}
            self._require(user_id)
            return {"roles": [str(role_id) for role_id in sorted(self.wears(user_id))]}

    async def add_role(self, guild_id: int, user_id: int, role_id: int, *, reason: str) -> None:
        """Give a role."""
        async with self.request(f"PUT {role_id}", user_id, writes=True) as takes_effect:
            self._require(user_id)
            if takes_effect:
                self.wears(user_id).add(role_id)

    async def remove_role(self, guild_id: int, user_id: int, role_id: int, *, reason: str) -> None:
        """Take a role."""
        async with self.request(f"DELETE {role_id}", user_id, writes=True) as takes_effect:
            self._require(user_id)
            if takes_effect:
                self.wears(user_id).discard(role_id)

    def _require(self, account: int) -> None:
        if account in self.away:
            message = {"code": 10007, "message": "Unknown Member"}
            raise discord.NotFound(_response(404), message)


class TelegramGroup(Platform):
    """A group and its members' tags: as much of `aiogram.Bot` as we use."""

    id = BOT

    def __init__(self, machine: Machine) -> None:
        super().__init__("telegram", machine)
        self._worn: dict[int, str] = {}

    def wears(self, account: int) -> str:
        """Return somebody's tag; empty for none."""
        return self._worn.get(account, "")

    def undress(self, account: int) -> None:
        """Take the tag."""
        self._worn.pop(account, None)

    def error(self, trouble: str) -> Exception:
        """Return what aiogram raises."""
        method = GetChatMember(chat_id=-1, user_id=BOT)
        if trouble == "asks to wait":
            return TelegramRetryAfter(method, "Too Many Requests", ASKS_TO_WAIT_S)
        if trouble == "out of order":
            return TelegramServerError(method, "Internal Server Error")
        return TelegramNetworkError(method, "ServerDisconnectedError: Server disconnected")

    async def get_chat_member(
        self, chat_id: int, user_id: int
    ) -> ChatMemberAdministrator | ChatMemberMember | ChatMemberLeft:
        """Return a member with their tag, or the bot with its rights."""
        user = User(id=user_id, is_bot=user_id == BOT, first_name="Somebody")
        async with self.request("getChatMember", user_id):
            if user_id == BOT:
                return ChatMemberAdministrator.model_construct(user=user, can_manage_tags=True)
            if user_id in self.away:
                return ChatMemberLeft(user=user)
            return ChatMemberMember(user=user, tag=self.wears(user_id) or None)

    async def set_chat_member_tag(self, chat_id: int, user_id: int, *, tag: str) -> bool:
        """Set a tag; an empty one takes it away."""
        async with self.request(f"setChatMemberTag {tag!r}", user_id, writes=True) as takes_effect:
            if user_id in self.away:
                method = GetChatMember(chat_id=chat_id, user_id=user_id)
                raise TelegramBadRequest(method, "Bad Request: USER_NOT_PARTICIPANT")
            if takes_effect:
                self._worn[user_id] = tag
            return True


def _role(role_id: int, position: int, permissions: int) -> dict[str, Any]:
    return {
        "id": str(role_id),
        "name": f"role {role_id}",
        "position": position,
        "permissions": str(permissions),
        "managed": False,
    }


def _response(status: int) -> Any:
    """As much of an answer as discord.py's errors look at."""
    return SimpleNamespace(status=status, reason="")
