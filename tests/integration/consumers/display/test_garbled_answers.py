"""Answers that a seed garbles, one after another, cost the consumers nothing but that answer."""

import contextlib
import random
import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from bus import Source
from consumers.reconcile.platforms import open_platform_subjects
from consumers.reconcile.port import CannotRead
from consumers.runtime.runner import NotYet
from sandbox import Call, Fault
from tests.support import discord_display, telegram_display
from tests.support.appearance import WornDesk
from tests.support.garbling import garbled_fields
from tests.support.members import MemberDesk

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles import roles as discord_roles
    from consumers.display.telegram_tags import tags as telegram_tags

#: Starts of a role, and the answers that are garbled after each start.
COUNTS = [2, pytest.param(40, marks=pytest.mark.nightly)]
ANSWERS_EACH = 10
#: The calls whose answers the consumers read, and fields of these. A tag, and an empty list of
#: roles, are left as they are: a lie that can be read is believed.
TELEGRAM: Mapping[str, Sequence[str]] = {
    telegram_display.LOOK: ("status", "user", "can_edit_tag", "can_manage_tags", "until_date"),
    telegram_display.SET: ("ok", "done"),
}
DISCORD: Mapping[str, Sequence[str]] = {
    discord_display.LOOK: ("user", "nick", "joined_at", "flags", "pending"),
    discord_display.GIVE: ("done",),
    discord_display.LIST: (),
    discord_display.COUNTS: (str(discord_display.NEWCOMER), "x"),
}
#: The same, for calls of a role that starts.
TELEGRAM_LOGINS: Mapping[str, Sequence[str]] = {
    "getMe": ("id", "is_bot", "first_name", "username"),
    telegram_display.LOOK: ("status", "user", "can_edit_tag", "can_manage_tags"),
}
DISCORD_LOGINS: Mapping[str, Sequence[str]] = {
    "GET /users/@me": ("id", "username", "flags", "bot"),
    "GET /oauth2/applications/@me": ("id", "flags", "name", "owner"),
    "GET /users/@me/guilds": (),
    "GET /guilds/{guild_id}/roles": (),
    discord_display.LOOK: ("user", "nick", "joined_at", "flags", "roles"),
}
#: Some of the lists, and members of them that a newer platform may send.
LISTED: tuple[Any, ...] = (
    [17],
    [{}],
    [{"id": "x"}],
    [{"user": {}}],
    [None, True],
    [[[]]],
    17,
    "",
    {"id": 1},
)


class Stage(NamedTuple):
    """One platform, and how the consumers are at work on it."""

    platform: Source
    subject: str
    desk: ModuleType
    logins: Mapping[str, Sequence[str]]
    answers: Mapping[str, Sequence[str]]
    #: The calls that bring one member from a rank to the next.
    writes_each: int
    open_role: Callable[[Any], Any]
    sandbox: Any

    def garble(self, answers: Mapping[str, Sequence[str]], chance: random.Random) -> None:
        """Have the next answer to one of these calls be garbled."""
        name, fields = chance.choice(list(answers.items()))
        changes = garbled_fields(fields, chance) if fields else chance.choice(LISTED)
        if self.platform == "telegram":
            changes = {"result": changes}
        fault = Fault(self.platform, name, 0, when="garbled", changes=changes)
        self.sandbox.faults.add(fault)

    def shown(self) -> list[Any]:
        look = self.sandbox.tag_of if self.platform == "telegram" else self.sandbox.roles_of
        return [look(one) for one in (self.desk.ALICE, self.desk.BORIS)]

    def writes(self) -> list[Call]:
        named = [self.desk.SET] if self.platform == "telegram" else [self.desk.GIVE, self.desk.TAKE]
        calls = (call for name in named for call in self.sandbox.calls(name))
        # A call over the rate limit writes nothing, and the library repeats it.
        return [call for call in calls if call.status != HTTPStatus.TOO_MANY_REQUESTS]


@pytest.fixture(params=["telegram", "discord"])
def stage(request: pytest.FixtureRequest, group: Any, server: Any) -> Stage:
    if request.param == "telegram":
        return Stage(
            "telegram",
            "tags",
            telegram_display,
            TELEGRAM_LOGINS,
            TELEGRAM,
            1,
            telegram_tags.open_role,
            group,
        )
    return Stage(
        "discord",
        "roles",
        discord_display,
        DISCORD_LOGINS,
        DISCORD,
        2,  # a role is given, and the one before it is taken
        discord_roles.open_role,
        server,
    )


@pytest.fixture
def settings(settings, group, server):
    return group.known_to(server.known_to(settings))


@contextlib.asynccontextmanager
async def at_work(resources, stage: Stage, chance: random.Random) -> AsyncIterator[Any]:
    """The role, after an attempt to start it whose answers were garbled."""
    stage.garble(stage.logins, chance)
    with contextlib.suppress(NotYet):  # the runner waits it out
        async with stage.open_role(resources) as role:
            await role.step()
    stage.sandbox.faults.clear()
    async with stage.open_role(resources) as role:
        yield role


async def visit(pool, role) -> None:
    """Visit whoever has something to show, now."""
    await pool.execute("UPDATE surfaces SET retry_at = now() WHERE retry_at IS NOT NULL")
    while await role.step():
        pass


@pytest.mark.parametrize("logins", COUNTS)
async def test_a_garbled_answer_ends_no_role_costs_no_neighbour_and_repeats_no_write(
    resources, pool, stage, logins
):
    chance = random.Random(logins)
    people = MemberDesk(pool, stage.platform)
    both = (stage.desk.ALICE, stage.desk.BORIS)
    for one in both:
        await people.give_xp(one, 10)
    for _ in range(logins):
        async with at_work(resources, stage, chance) as role:
            await visit(pool, role)
            for number in range(ANSWERS_EACH):
                before, written = stage.shown(), len(stage.writes())
                for one in both:
                    await people.give_xp(one, -20 if number % 2 else 20)
                stage.garble(stage.answers, chance)
                await visit(pool, role)
                stage.sandbox.faults.clear()
                await visit(pool, role)
                if before[0] in stage.shown():
                    # The role rests, as after an answer of a proxy; another process does not.
                    async with stage.open_role(resources) as another:
                        await visit(pool, another)

                after = stage.shown()
                assert after[0] == after[1] != before[0], number
                wrote = stage.writes()[written:]
                assert len(wrote) == len(both) * stage.writes_each, (number, wrote)


@pytest.mark.parametrize("logins", COUNTS)
async def test_reconcile_leaves_out_what_a_garbled_answer_should_have_told(
    resources, pool, stage, logins
):
    chance = random.Random(logins)
    people = MemberDesk(pool, stage.platform)
    both = (stage.desk.ALICE, stage.desk.BORIS)
    for one in both:
        await people.give_xp(one, 10)
    async with at_work(resources, stage, chance) as role:
        await visit(pool, role)
    for _ in range(logins):
        async with open_platform_subjects(resources) as looking:
            [subject] = [one for one in looking.subjects if one.name == stage.subject]
            for number in range(ANSWERS_EACH):
                stage.garble(stage.answers, chance)
                with contextlib.suppress(CannotRead):  # the pass goes on without the subject
                    rows = await WornDesk(pool, subject).read(*both)
                    assert all(row.seen in ({}, row.expected) for row in rows), number
                stage.sandbox.faults.clear()
