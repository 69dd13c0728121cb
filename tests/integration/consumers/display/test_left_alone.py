"""Members who hold a role of another bot are left alone, until they hold it no more."""

import dataclasses
import warnings
from collections.abc import AsyncIterator

import msgspec
import pytest

from config import Settings
from consumers.display.role import DisplayRole
from tests.support.discord_display import ALICE, BORIS, LUCKY, NEWCOMER, Server
from tests.support.members import MemberDesk

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles.roles import open_role

#: The role that stands for a moderation bot's in these tests.
MUTED = LUCKY


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    return server.known_to(settings)


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "discord")


@pytest.fixture
async def role(resources) -> AsyncIterator[DisplayRole]:
    discord = msgspec.structs.replace(resources.community.discord, leave_alone_roles=(MUTED,))
    community = msgspec.structs.replace(resources.community, discord=discord, achievements=())
    async with open_role(dataclasses.replace(resources, community=community)) as role:
        yield role


async def test_a_member_whom_another_bot_muted_is_left_alone_until_the_role_is_gone(
    role, server, people
):
    server.platform.administration.give_role(ALICE, MUTED)
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)

    await role.step()

    assert server.roles_of(ALICE) == {MUTED}
    assert server.roles_of(BORIS) == {NEWCOMER}
    assert await people.error(ALICE) == "holds a role of discord.leave_alone_roles"
    assert 0 < await people.retry_in_s(ALICE) <= 60.0
    server.platform.administration.take_role(ALICE, MUTED)
    await people.retry_now()
    await role.step()
    assert server.roles_of(ALICE) == {NEWCOMER}
