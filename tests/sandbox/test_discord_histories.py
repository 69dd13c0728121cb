"""Any history of members' actions: answers and events keep Discord's shapes, and the cache of a
connected discord.py agrees with the world."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox import SandboxError
from sandbox.discord_api import Upload
from tests.support.discord_contract import complaints, named
from tests.support.discord_contract import route as described
from tests.support.discord_sandbox import (
    ALICE,
    AWAY,
    BORIS,
    BOT_ROLE,
    CLARA,
    DMITRI,
    FORUM,
    GENERAL,
    GUILD,
    HARBOUR,
    LUCKY,
    NEWCOMER,
    TOKEN,
    UNLIMITED,
    Bench,
    Bot,
    connected,
    listening,
    new_bench,
)
from tests.support.patience import PATIENCE_S

MEMBERS = st.sampled_from([ALICE, BORIS, CLARA, DMITRI])
PLACES = st.sampled_from([GENERAL, HARBOUR, AWAY, FORUM])
TEXTS = st.sampled_from(["hello", " \u202e ", f"<@{ALICE}> <@&{LUCKY}> @everyone", "x" * 2001, "ﷺ"])
EMOJI = st.sampled_from(["\N{FIRE}", "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}", "no"])
NUMBERS = st.integers(0, 7)
FLAGS = st.dictionaries(
    st.sampled_from(["self_mute", "self_deaf", "self_stream", "self_video"]), st.booleans()
)
FILES = st.lists(st.just(Upload("a.txt", b"a")), max_size=2)

STEPS = st.one_of(
    st.tuples(st.just("say"), PLACES, MEMBERS, TEXTS, FILES),
    st.tuples(st.just("reply"), NUMBERS, MEMBERS, TEXTS),
    st.tuples(st.just("forward"), NUMBERS, PLACES, MEMBERS),
    st.tuples(st.just("sticker"), PLACES, MEMBERS),
    st.tuples(st.just("edit"), NUMBERS, TEXTS),
    st.tuples(st.just("delete"), NUMBERS),
    st.tuples(st.just("react"), NUMBERS, MEMBERS, EMOJI, st.booleans()),
    st.tuples(st.just("thread"), NUMBERS, MEMBERS),
    st.tuples(st.just("archive"), NUMBERS, st.booleans()),
    st.tuples(st.just("leave_thread"), NUMBERS, MEMBERS),
    st.tuples(st.just("connect"), MEMBERS, PLACES, FLAGS),
    st.tuples(st.just("disconnect"), MEMBERS),
    st.tuples(st.just("mute"), MEMBERS, st.booleans()),
    st.tuples(st.just("presence"), MEMBERS, st.sampled_from(["online", "dnd", "offline"])),
    st.tuples(st.just("nick"), MEMBERS, st.sampled_from([None, "Al", "\u202e", "x" * 33])),
    st.tuples(st.just("role"), MEMBERS, st.sampled_from([LUCKY, NEWCOMER]), st.booleans()),
    st.tuples(st.just("leave"), MEMBERS),
    st.tuples(st.just("join"), MEMBERS, st.booleans()),
    st.tuples(st.just("ban"), MEMBERS, st.booleans()),
    st.tuples(st.just("channel"), st.sampled_from(["text", "voice", "forum"])),
    st.tuples(st.just("drop_channel"), PLACES),
    st.tuples(st.just("outage"), st.booleans()),
    st.tuples(st.just("bot"), st.booleans()),
)
KINDS = {"text": 0, "voice": 2, "forum": 15}
READS = (
    "GET /guilds/{guild_id}",
    "GET /guilds/{guild_id}/channels",
    "GET /guilds/{guild_id}/roles",
    "GET /guilds/{guild_id}/members",
    "GET /guilds/{guild_id}/threads/active",
    "GET /guilds/{guild_id}/audit-logs",
    "GET /channels/{channel_id}/messages",
)
EVENTS = {
    "GUILD_CREATE": "GuildResponse",
    "GUILD_MEMBER_ADD": "GuildMemberResponse",
    "GUILD_MEMBER_UPDATE": "GuildMemberResponse",
    "CHANNEL_CREATE": "GuildChannelResponse",
    "CHANNEL_DELETE": "GuildChannelResponse",
    "THREAD_CREATE": "ThreadResponse",
    "THREAD_UPDATE": "ThreadResponse",
    "MESSAGE_CREATE": "MessageResponse",
    "MESSAGE_UPDATE": "MessageResponse",
    "VOICE_STATE_UPDATE": "VoiceStateResponse",
    "GUILD_AUDIT_LOG_ENTRY_CREATE": "AuditLogEntryResponse",
}


class Play:
    """Carries out steps; what is impossible at the time is refused with a sentence."""

    def __init__(self, bench: Bench) -> None:
        self.people = bench.platform.people
        self.owner = bench.platform.administration
        self.platform = bench.platform

    def step(self, kind: str, *given: Any) -> None:
        """Do something, unless the guild is down: nobody acts in it then.

        discord.py keeps what was deleted meanwhile, as it would on Discord.
        """
        if self.platform.world()["guild"]["unavailable"] and kind != "outage":
            return
        action: Callable[..., Any] = getattr(self, kind)
        with suppress(SandboxError):
            action(*given)

    def message(self, number: int) -> dict[str, Any]:
        found = self.platform.world()["messages"]
        if not found:
            raise SandboxError("there is no message")
        chosen: dict[str, Any] = found[number % len(found)]
        return chosen

    def place(self, number: int) -> tuple[int, int]:
        message = self.message(number)
        return int(message["channel_id"]), int(message["id"])

    def threads(self, number: int) -> int:
        found = [one for one in self.platform.world()["channels"] if "thread_metadata" in one]
        if not found:
            raise SandboxError("there is no thread")
        return int(found[number % len(found)]["id"])

    def say(self, channel: int, user: int, text: str, files: list[Upload]) -> None:
        self.people.say(channel, user, text, files=files)

    def reply(self, number: int, user: int, text: str) -> None:
        channel, message = self.place(number)
        self.people.say(channel, user, text, reply_to=message)

    def forward(self, number: int, channel: int, user: int) -> None:
        self.people.forward(channel, user, *self.place(number))

    def sticker(self, channel: int, user: int) -> None:
        self.people.say(channel, user, sticker="Wave")

    def edit(self, number: int, text: str) -> None:
        self.people.edit(*self.place(number), int(self.message(number)["author"]["id"]), text)

    def delete(self, number: int) -> None:
        self.people.delete(*self.place(number), int(self.message(number)["author"]["id"]))

    def react(self, number: int, user: int, emoji: str, added: bool) -> None:
        self.people.react(*self.place(number), user, emoji, added=added)

    def thread(self, number: int, user: int) -> None:
        channel, message = self.place(number)
        self.people.start_thread(channel, user, "Talk", message_id=message)

    def archive(self, number: int, archived: bool) -> None:
        self.owner.archive_thread(self.threads(number), archived=archived)

    def leave_thread(self, number: int, user: int) -> None:
        self.people.join_thread(self.threads(number), user, joined=False)

    def connect(self, user: int, channel: int, flags: dict[str, bool]) -> None:
        self.people.connect(user, channel, **flags)

    def disconnect(self, user: int) -> None:
        self.people.disconnect(user)

    def mute(self, user: int, muted: bool) -> None:
        self.owner.set_voice(user, mute=muted)

    def presence(self, user: int, status: str) -> None:
        self.people.set_presence(user, status)

    def nick(self, user: int, nick: str | None) -> None:
        self.people.set_nick(user, nick)

    def role(self, user: int, role: int, given: bool) -> None:
        (self.owner.give_role if given else self.owner.take_role)(user, role)

    def leave(self, user: int) -> None:
        self.people.leave(user)

    def join(self, user: int, pending: bool) -> None:
        self.people.join(user, pending=pending)

    def ban(self, user: int, banned: bool) -> None:
        self.owner.exclude(user, "ban" if banned else "unban")

    def channel(self, kind: str) -> None:
        self.owner.create_channel("more", KINDS[kind])

    def drop_channel(self, channel: int) -> None:
        if channel != GENERAL:
            self.owner.delete_channel(channel)

    def outage(self, available: bool) -> None:
        self.owner.set_available(available=available)

    def bot(self, inside: bool) -> None:
        (self.owner.invite_bot if inside else self.owner.kick_bot)()


async def faults_of_reads(bench: Bench) -> list[str]:
    """The answers that the table of facts does not know."""
    found = []
    path = {"guild_id": GUILD, "channel_id": GENERAL}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {TOKEN}"}) as http:
        for name in READS:
            url = bench.platform.api_base + name.removeprefix("GET ").format(**path)
            query = {"limit": "100"} if "members" in name or "messages" in name else None
            async with http.get(url, params=query) as answer:
                assert answer.status == 200, await answer.text()
                schema = described(name)["answers"]["200"]
                found += complaints(schema, await answer.json())
    return found


def faults_of_events(bench: Bench) -> list[str]:
    return [
        f"{call.name}: {fault}"
        for call in bench.transcript.calls(platform="discord")
        if (schema := EVENTS.get(call.name.removeprefix("gateway ")))
        for fault in complaints(named(schema), call.response)
    ]


def seen_by(guild: Any) -> dict[str, Any]:
    """The guild in the cache of discord.py."""
    return {
        "members": {
            one.id: (one.nick, frozenset(role.id for role in one.roles) - {GUILD}, one.pending)
            for one in guild.members
        },
        "channels": {one.id: one.name for one in guild.channels},
        "threads": {one.id for one in guild.threads if not one.archived},
        "voice": {
            one.id: (one.voice.channel.id, one.voice.self_mute, one.voice.self_stream)
            for one in guild.members
            if one.voice is not None and one.voice.channel is not None
        },
        "status": {
            one.id: str(one.status) for one in guild.members if str(one.status) != "offline"
        },
    }


def seen_in(bench: Bench) -> dict[str, Any]:
    """The same of the world."""
    world = bench.platform.world()
    guild = bench.platform._state.editor.world.guild
    return {
        "members": {
            int(one["user"]["id"]): (one["nick"], frozenset(map(int, one["roles"])), one["pending"])
            for one in world["members"]
        },
        "channels": {
            int(one["id"]): one["name"]
            for one in world["channels"]
            if "guild_id" in one and "thread_metadata" not in one
        },
        "threads": {
            int(one["id"])
            for one in world["channels"]
            if "thread_metadata" in one and not one["thread_metadata"]["archived"]
        },
        "voice": {
            int(one["user_id"]): (int(one["channel_id"]), one["self_mute"], one["self_stream"])
            for one in world["voice_states"]
        },
        "status": {user_id: one.status for user_id, one in guild.presences.items()},
    }


async def play(steps: list[tuple[Any, ...]]) -> None:
    async with listening(new_bench(limits=UNLIMITED)) as bench, connected(bench, Bot()) as bot:
        bench.platform.administration.set_permissions(BOT_ROLE, "ADMINISTRATOR")
        actor = Play(bench)
        for step in steps:
            actor.step(*step)
        actor.step("outage", True)
        actor.step("bot", True)
        # Events arrive in their order: once this one is there, all are.
        end = bot.wait_for("guild_channel_create", check=lambda one: one.name == "the end")
        bench.platform.administration.create_channel("the end")
        await asyncio.wait_for(end, PATIENCE_S)
        assert seen_by(bot.get_guild(GUILD)) == seen_in(bench)
        assert faults_of_events(bench) == []
        assert await faults_of_reads(bench) == []


@settings(max_examples=12)
@example([("connect", ALICE, HARBOUR, {"self_stream": True}), ("leave", ALICE)])
@example([("connect", ALICE, HARBOUR, {}), ("drop_channel", HARBOUR), ("presence", ALICE, "dnd")])
@example([("say", GENERAL, ALICE, "hello", []), ("thread", 0, ALICE), ("ban", ALICE, True)])
@example([("say", GENERAL, ALICE, "hello", []), ("forward", 0, GENERAL, ALICE)])
@example([("bot", False), ("role", ALICE, LUCKY, True), ("channel", "voice"), ("bot", True)])
@given(st.lists(STEPS, max_size=25))
def test_any_history_keeps_shapes_and_the_cache_of_the_library(steps):
    asyncio.run(play(steps))


@pytest.mark.nightly
@settings(max_examples=400)
@given(st.lists(STEPS, max_size=60))
def test_many_long_histories_keep_shapes_and_the_cache_of_the_library(steps):
    asyncio.run(play(steps))
