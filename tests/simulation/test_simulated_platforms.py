"""The model of Discord and Telegram: the effect of each trouble, and the audit of displays."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aiohttp
import discord
import pytest
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import ChatMemberLeft

from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from simulation.clock import VirtualLoop
from simulation.display_audit import display_breaches, still_to_show
from simulation.platforms import FOREIGN_ROLE, DiscordServer, TelegramGroup
from simulation.postgres import RealPostgres
from simulation.simulated_process import Machine, Process
from simulation.trace import Trace

ALICE = 11
NEWCOMER, REGULAR, PIONEER = 101, 102, 201
COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-1),
    discord=DiscordSetting(guild_id=1),
    ranks=(
        Rank(name="Newcomer", xp=10, discord_role=NEWCOMER, telegram_tag="Newcomer"),
        Rank(name="Regular", xp=50, discord_role=REGULAR, telegram_tag="Regular"),
    ),
    achievements=(AchievementSetting(name="pioneer", title="Pioneer", discord_role=PIONEER),),
)
TROUBLES = {
    "unreachable": (aiohttp.ServerDisconnectedError, TelegramNetworkError, False),
    "answer lost": (aiohttp.ServerDisconnectedError, TelegramNetworkError, True),
    "out of order": (discord.DiscordServerError, TelegramServerError, False),
    "asks to wait": (discord.RateLimited, TelegramRetryAfter, False),
    "hangs": (TimeoutError, TimeoutError, False),
    "does nothing": (None, None, False),
}


class LoadedDice(random.Random):
    """Dice that always choose the same trouble."""

    def __init__(self, trouble: str) -> None:
        super().__init__(1)
        self._trouble = trouble

    def choice(self, seq: Any) -> Any:
        return self._trouble if self._trouble in seq else super().choice(seq)


class Places:
    """Both platforms, and a process that calls them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.discord = DiscordServer(machine, COMMUNITY)
        self.telegram = TelegramGroup(machine)

    async def give_role(self) -> None:
        async with asyncio.timeout(60):
            await self.discord.add_role(1, ALICE, NEWCOMER, reason="a win")

    async def set_tag(self) -> None:
        async with asyncio.timeout(60):
            await self.telegram.set_chat_member_tag(-1, ALICE, tag="Newcomer")


def run(
    scene: Callable[[Places], Coroutine[Any, Any, None]], dice: random.Random | None = None
) -> None:
    """Play a scene in a process, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        machine = Machine(loop, dice or random.Random(1), Trace())

        async def play() -> None:
            await Process("caller", machine).start(scene(Places(machine)))

        runner.run(play())


async def outcome(call: Awaitable[object]) -> type[Exception] | None:
    try:
        await call
    except Exception as error:  # noqa: BLE001 - the test compares the type of the error
        return type(error)
    return None


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_raises_the_librarys_error_and_the_write_is_done_or_not(trouble: str):
    from_discord, from_telegram, done = TROUBLES[trouble]

    async def scene(places: Places) -> None:
        places.discord.trouble_share = places.telegram.trouble_share = 1.0

        assert await outcome(places.give_role()) is from_discord
        assert await outcome(places.set_tag()) is from_telegram

        assert places.discord.roles_of(ALICE) == {FOREIGN_ROLE, *([NEWCOMER] if done else [])}
        assert places.telegram.tag_of(ALICE) == ("Newcomer" if done else "")
        assert places.discord.under_way == places.telegram.under_way == 0

    run(scene, LoadedDice(trouble))


def test_without_trouble_everything_is_done_and_read_back():
    async def scene(places: Places) -> None:
        await places.give_role()
        await places.set_tag()

        member = await places.discord.get_member(1, ALICE)
        assert member == {"roles": [str(NEWCOMER), str(FOREIGN_ROLE)]}
        tagged: Any = await places.telegram.get_chat_member(-1, ALICE)
        assert tagged.tag == "Newcomer"

        await places.discord.remove_role(1, ALICE, NEWCOMER, reason="a loss")
        assert places.discord.roles_of(ALICE) == {FOREIGN_ROLE}

    run(scene)


def test_a_write_of_a_paused_process_arrives_later_and_counts_as_timed_out():
    async def scene(places: Places) -> None:
        def stop_for_an_hour(process: Process) -> None:
            process.pause()
            places.machine.loop.call_later(3_600, process.resume)

        places.discord.before_next_write = stop_for_an_hour

        assert await outcome(places.give_role()) is TimeoutError
        assert places.machine.loop.time() > 3_600
        assert NEWCOMER in places.discord.roles_of(ALICE)

    run(scene)


def test_a_platform_that_is_cut_off_answers_no_request():
    async def scene(places: Places) -> None:
        places.discord.reachable = places.telegram.reachable = False

        assert await outcome(places.discord.get_roles(1)) is aiohttp.ServerDisconnectedError
        assert await outcome(places.set_tag()) is TelegramNetworkError

        places.discord.reachable = True
        assert len(await places.discord.get_roles(1)) == 4

    run(scene)


def test_a_member_who_left_is_unknown_and_returns_without_our_roles():
    async def scene(places: Places) -> None:
        await places.give_role()
        await places.set_tag()
        places.discord.leave(ALICE)
        places.telegram.leave(ALICE)

        assert await outcome(places.discord.get_member(1, ALICE)) is discord.NotFound
        assert await outcome(places.give_role()) is discord.NotFound
        assert isinstance(await places.telegram.get_chat_member(-1, ALICE), ChatMemberLeft)
        assert await outcome(places.set_tag()) is TelegramBadRequest

        places.discord.away.clear()
        places.telegram.away.clear()
        assert await places.discord.get_member(1, ALICE) == {"roles": [str(FOREIGN_ROLE)]}
        assert places.telegram.tag_of(ALICE) == ""

    run(scene)


def test_only_a_member_who_wears_what_the_books_say_passes_the_audit(real_postgres: RealPostgres):
    real_postgres.reset()
    real_postgres.execute(
        f"""
        INSERT INTO members DEFAULT VALUES;
        INSERT INTO accounts (platform, account_id, member_id)
            VALUES ('discord', {ALICE}, 1), ('telegram', {ALICE}, 1);
        INSERT INTO sync_state (member_id, platform, xp, rank)
            VALUES (1, 'discord', 60, 2), (1, 'telegram', 60, 2);
        INSERT INTO achievements (member_id, platform, achievement, unlocked_at)
            VALUES (1, 'discord', 'pioneer', now());
        """
    )

    async def scene(places: Places) -> None:
        def wrong() -> list[str]:
            found = display_breaches(real_postgres, COMMUNITY, places.discord, places.telegram)
            return [line.split()[0] for line in found]

        roles = places.discord.roles_of(ALICE)
        assert wrong() == ["discord", "telegram"]
        roles |= {REGULAR, PIONEER}
        await places.telegram.set_chat_member_tag(-1, ALICE, tag="Regular")
        assert wrong() == []

        roles.add(NEWCOMER)  # a second rank
        assert wrong() == ["discord"]
        roles -= {NEWCOMER, PIONEER}  # an achievement too few
        assert wrong() == ["discord"]
        roles ^= {PIONEER, FOREIGN_ROLE}  # a role that is none of our business
        assert wrong() == ["discord"]

    run(scene)


def test_a_request_under_way_is_no_rest(real_postgres: RealPostgres):
    real_postgres.reset()

    async def scene(places: Places) -> None:
        platforms = (places.discord, places.telegram)
        assert still_to_show(real_postgres, platforms) == {}

        asking = asyncio.create_task(places.give_role())
        await asyncio.sleep(0)
        assert still_to_show(real_postgres, platforms) == {"requests to discord": 1}
        await asking
        assert still_to_show(real_postgres, platforms) == {}

    run(scene)
