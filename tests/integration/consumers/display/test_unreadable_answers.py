"""An unreadable answer of a platform costs only the member whom it describes."""

import warnings
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bus import SOURCES
from consumers.reconcile.platforms import open_platform_subjects
from consumers.reconcile.port import Subject
from consumers.runtime.runner import NotYet
from sandbox import Fault
from tests.support import discord_display, telegram_display
from tests.support.appearance import WornDesk
from tests.support.members import MemberDesk

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles import roles as discord_roles
    from consumers.display.telegram_tags import tags as telegram_tags

PAGE = "<html>an error</html>"


@pytest.fixture
def settings(settings, group, server):
    return group.known_to(server.known_to(settings))


def garbled(platform: str, name: str, times: int = 1, **how: Any) -> Fault:
    return Fault(platform, name, 0, times=times, when="garbled", **how)


@asynccontextmanager
async def tags(resources):
    """The role that shows tags, after its survey."""
    async with telegram_tags.open_role(resources) as role:
        assert await role.step() == 0
        yield role


@asynccontextmanager
async def roles(resources):
    """The role that shows roles, after its survey."""
    async with discord_roles.open_role(resources) as role:
        assert await role.step() == 0
        yield role


@pytest.mark.parametrize(
    "changes",
    [{"result": {"status": "hologram"}}, {"result": 17}],
    ids=["no status", "no object"],
)
async def test_a_member_whom_telegram_describes_in_a_new_way_holds_up_no_other(
    resources, pool, group, changes
):
    people = MemberDesk(pool, "telegram")
    async with tags(resources) as role:
        await people.give_xp(telegram_display.ALICE, 10)
        await people.give_xp(telegram_display.BORIS, 10)
        group.faults.add(garbled("telegram", telegram_display.LOOK, changes=changes))

        await role.step()

    shown = [group.tag_of(one) for one in (telegram_display.ALICE, telegram_display.BORIS)]
    assert sorted(shown) == ["", "Newcomer"]
    errors = [await people.error(one) for one in (telegram_display.ALICE, telegram_display.BORIS)]
    assert len([one for one in errors if one and "cannot be read" in one]) == 1


async def test_what_is_needed_of_a_member_is_read_although_the_rest_cannot_be(
    resources, pool, group
):
    people = MemberDesk(pool, "telegram")
    async with telegram_tags.open_role(resources) as role:
        changes = {"result": {"can_send_welcome_messages": None, "until_date": "soon"}}
        group.faults.add(garbled("telegram", telegram_display.LOOK, 9, changes=changes))
        await people.give_xp(telegram_display.ALICE, 10)

        await role.step()

    assert group.tag_of(telegram_display.ALICE) == "Newcomer"


async def test_unreadable_rights_of_the_bot_hinder_no_visit(resources, pool, group):
    people = MemberDesk(pool, "telegram")
    async with telegram_tags.open_role(resources) as role:
        group.faults.add(garbled("telegram", telegram_display.LOOK, changes={"result": 17}))
        await people.give_xp(telegram_display.ALICE, 10)

        await role.step()

    assert group.tag_of(telegram_display.ALICE) == "Newcomer"


async def test_a_tag_that_was_set_is_not_set_again_because_of_the_answer(resources, pool, group):
    people = MemberDesk(pool, "telegram")
    async with tags(resources) as role:
        await people.give_xp(telegram_display.ALICE, 10)
        group.faults.add(garbled("telegram", telegram_display.SET, changes={"result": {"done": 1}}))

        await role.step()

    assert len(group.calls(telegram_display.SET)) == 1
    assert await people.error(telegram_display.ALICE) is None


@pytest.mark.parametrize("changes", [{"roles": None}, {"roles": ["x"]}, {"roles": 7}], ids=str)
async def test_a_member_whom_discord_describes_in_a_new_way_holds_up_no_other(
    resources, pool, server, changes
):
    people = MemberDesk(pool, "discord")
    async with roles(resources) as role:
        await people.give_xp(discord_display.ALICE, 10)
        await people.give_xp(discord_display.BORIS, 10)
        server.faults.add(garbled("discord", discord_display.LOOK, changes=changes))

        await role.step()

    held = [server.roles_of(one) for one in (discord_display.ALICE, discord_display.BORIS)]
    assert held.count({discord_display.NEWCOMER}) == 1
    errors = [await people.error(one) for one in (discord_display.ALICE, discord_display.BORIS)]
    assert len([one for one in errors if one and "cannot be read" in one]) == 1


async def test_a_page_in_place_of_an_answer_is_waited_out(resources, pool, server):
    people = MemberDesk(pool, "discord")
    async with roles(resources) as role:
        await people.give_xp(discord_display.ALICE, 10)
        server.faults.add(garbled("discord", discord_display.LOOK, page=PAGE))

        await role.step()

        assert "proxy" in str(await people.error(discord_display.ALICE))


@pytest.mark.parametrize(
    "route",
    [
        "GET /users/@me/guilds",
        "GET /guilds/{guild_id}/roles",
        discord_display.LOOK,
    ],
)
async def test_a_survey_that_brings_a_page_ends_nothing(resources, server, route):
    server.faults.add(garbled("discord", route, page=PAGE))
    async with discord_roles.open_role(resources) as role:
        assert await role.step() == 0


async def test_an_unreadable_role_hinders_no_visit(resources, pool, server):
    people = MemberDesk(pool, "discord")
    changes = {"roles": "none that can be read"}
    server.faults.add(garbled("discord", discord_display.LOOK, changes=changes))
    async with discord_roles.open_role(resources) as role:
        await people.give_xp(discord_display.ALICE, 10)

        await role.step()

    assert server.roles_of(discord_display.ALICE) == {discord_display.NEWCOMER}


@pytest.mark.parametrize("route", ["GET /users/@me", "GET /oauth2/applications/@me"])
async def test_a_login_that_brings_a_page_is_tried_again(resources, server, route):
    server.faults.add(garbled("discord", route, page=PAGE))

    with pytest.raises(NotYet):
        async with discord_roles.open_role(resources):
            pass
    async with discord_roles.open_role(resources) as role:
        assert await role.step() == 0


async def test_reconcile_compares_all_but_the_member_who_cannot_be_read(
    resources, pool, group, server
):
    for platform, desk in zip(SOURCES, (telegram_display, discord_display), strict=True):
        people = MemberDesk(pool, platform)
        await people.give_xp(desk.ALICE, 10)
        await people.give_xp(desk.BORIS, 10)
    async with tags_and_roles(resources) as workers:
        for worker in workers:
            await worker.step()
    group.faults.add(garbled("telegram", telegram_display.LOOK, changes={"result": 17}))
    listed = garbled("discord", discord_display.LIST, changes=[{"user": {}}, 17])
    server.faults.add(listed)
    server.faults.add(garbled("discord", discord_display.LOOK, changes={"roles": 7}))
    async with open_platform_subjects(resources) as looking:
        subjects: dict[str, Subject] = {one.name: one for one in looking.subjects}
        for name, desk in (("tags", telegram_display), ("roles", discord_display)):
            rows = await WornDesk(pool, subjects[name]).read(desk.ALICE, desk.BORIS)
            assert len([row for row in rows if row.seen]) == 1


@asynccontextmanager
async def tags_and_roles(resources):
    async with (
        telegram_tags.open_role(resources) as one,
        discord_roles.open_role(resources) as other,
    ):
        yield one, other
