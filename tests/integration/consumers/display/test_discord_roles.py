"""Ranks and achievements as roles: the real discord.py against the sandbox's Discord."""

import warnings
from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

from config import ConfigError, Settings
from config.community import LinkingSetting
from consumers.display.role import DisplayRole
from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.runner import NotYet
from db.links import links
from db.surfaces.display_visits import doubt, mark_shown, take
from db.surfaces.observed import clock, note_absent, seen_again, show_again
from sandbox import Fault, Rate, load_seed
from sandbox.discord_api import DiscordLimits, DiscordPlatform
from tests.support.discord_display import (
    ALICE,
    BOOSTER,
    BORIS,
    GIVE,
    LOOK,
    LUCKY,
    NEWCOMER,
    REGULAR,
    STRANGER,
    TAKE,
    VETERAN,
    Server,
)
from tests.support.members import MemberDesk
from tests.support.settling import until

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles.roles import open_role


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    return server.known_to(settings)


@pytest.fixture
async def role(resources) -> AsyncIterator[DisplayRole]:
    async with open_role(resources) as role:
        yield role


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "discord")


async def test_a_rank_becomes_a_role_and_says_why_in_the_audit_log(role, server, people):
    key = await people.give_xp(ALICE, 10)

    assert await role.step() == 1

    assert server.roles_of(ALICE) == {NEWCOMER}
    [call] = server.calls(GIVE)
    assert call.reason == f"twinstream: rank Newcomer ({key})"
    assert await people.error(ALICE) is None


async def test_the_role_of_the_old_rank_goes_and_foreign_roles_stay(role, server, people):
    server.platform.administration.give_role(ALICE, BOOSTER)
    await people.give_xp(ALICE, 10)
    await role.step()
    await people.give_xp(ALICE, 25)

    await role.step()

    assert server.roles_of(ALICE) == {REGULAR, BOOSTER}


async def test_the_new_role_is_there_before_the_old_one_goes(role, server, people):
    await people.give_xp(ALICE, 10)
    await role.step()
    await people.give_xp(ALICE, 25)
    await role.step()

    assert server.calls(GIVE)[-1].number < server.calls(TAKE)[-1].number


async def test_stacked_roles_stay_on_the_way_up_and_go_on_the_way_down(resources, server, people):
    stacked = msgspec.structs.replace(resources.community.discord, rank_roles="stack")
    community = msgspec.structs.replace(resources.community, discord=stacked)
    async with open_role(replace(resources, community=community)) as role:
        await people.give_xp(ALICE, 10)
        await role.step()
        await people.give_xp(ALICE, 100)
        await role.step()
        up = server.roles_of(ALICE)
        assert server.calls(TAKE) == []
        await people.give_xp(ALICE, -80)
        await role.step()

    assert (up, server.roles_of(ALICE)) == ({NEWCOMER, REGULAR, VETERAN}, {NEWCOMER, REGULAR})


async def test_linked_members_wear_a_role_of_their_own_until_they_are_unlinked(
    resources, server, pool
):
    community = msgspec.structs.replace(
        resources.community, achievements=(), linking=LinkingSetting(linked_role_id=LUCKY)
    )
    async with open_role(replace(resources, community=community)) as role:
        async with pool.acquire() as conn, conn.transaction():
            await links.link(conn, telegram_account_id=1001, discord_account_id=ALICE)
        await role.step()
        worn = server.roles_of(ALICE)
        async with pool.acquire() as conn, conn.transaction():
            await links.unlink(conn, platform="discord", account_id=ALICE)
        await role.step()

    assert (worn, server.roles_of(ALICE)) == ({LUCKY}, set())


async def test_of_two_writes_the_second_is_lost_and_the_read_back_repairs_it(role, server, people):
    """Both are answered 204: the new role is given, the old one is not taken."""
    await people.give_xp(ALICE, 10)
    await role.step()
    server.faults.add(Fault("discord", TAKE, 204, when="dropped"))
    lost = metrics.WRITES_LOST.labels("discord")
    before = lost._value.get()
    await people.give_xp(ALICE, 25)

    await role.step()
    assert server.roles_of(ALICE) == {NEWCOMER, REGULAR}
    assert [call.status for call in (server.calls(GIVE)[-1], server.calls(TAKE)[-1])] == [204, 204]
    assert lost._value.get() == before + 1
    assert "did not stick" in await people.error(ALICE)

    async def mended() -> bool:
        await role.step()
        return server.roles_of(ALICE) == {REGULAR}

    await until(mended, what="the lost write is repeated")
    assert await people.error(ALICE) is None
    assert lost._value.get() == before + 1


async def test_an_achievement_becomes_a_role(role, server, people):
    await people.unlock(ALICE, "lucky_guess")

    await role.step()

    assert server.roles_of(ALICE) == {LUCKY}


async def test_a_role_given_by_hand_is_put_right_at_the_next_visit(role, server, people):
    server.platform.administration.give_role(ALICE, VETERAN)
    await people.give_xp(ALICE, 10)

    await role.step()

    assert server.roles_of(ALICE) == {NEWCOMER}


async def test_where_nothing_differs_nothing_is_written(role, server, people):
    server.platform.administration.give_role(ALICE, NEWCOMER)
    await people.give_xp(ALICE, 10)

    await role.step()

    assert server.calls(GIVE) == server.calls(TAKE) == []
    assert server.looks_at(ALICE) == 1


async def test_a_lost_write_is_noticed_and_repaired_at_the_next_visit(role, server, people):
    server.faults.add(Fault("discord", GIVE, 204, when="dropped"))
    await people.give_xp(ALICE, 10)

    await role.step()
    assert server.roles_of(ALICE) == set()
    assert "did not stick" in await people.error(ALICE)
    await people.retry_now()
    await role.step()

    assert server.roles_of(ALICE) == {NEWCOMER}
    assert await people.error(ALICE) is None


async def test_a_write_whose_answer_was_lost_is_found_done(role, server, people):
    server.faults.add(Fault("discord", GIVE, 503, when="after"))
    await people.give_xp(ALICE, 10)

    await role.step()
    await people.retry_now()
    role._blocked_until = 0.0
    await role.step()

    assert server.roles_of(ALICE) == {NEWCOMER}
    assert len(server.calls(GIVE)) == 1


async def test_a_visit_to_a_user_outside_the_server_is_postponed(role, server, people):
    await people.give_xp(STRANGER, 10)
    await people.give_xp(ALICE, 10)

    assert await role.step() == 2

    assert "not a member" in await people.error(STRANGER)
    assert server.roles_of(ALICE) == {NEWCOMER}


async def test_a_bot_that_was_removed_from_the_server_reads_no_member(role, server, people):
    server.platform.administration.kick_bot()
    await people.give_xp(ALICE, 10)

    assert await role.step() == 0
    assert await role.step() == 0

    assert server.calls(LOOK) == server.refusals() == []


async def test_a_member_at_membership_screening_gets_no_role_before_passing_it(
    role, server, people
):
    user_id = server.platform.people.join(name="Newcomer", pending=True)
    await people.give_xp(user_id, 10)

    await role.step()
    assert "membership screening" in await people.error(user_id)
    server.platform.people.pass_screening(user_id)
    await people.retry_now()
    await role.step()

    assert server.roles_of(user_id) == {NEWCOMER}


async def test_a_short_rate_limit_is_waited_out(role, server, people):
    server.faults.add(Fault("discord", GIVE, 429, retry_after=0.05))
    await people.give_xp(ALICE, 10)

    assert await role.step() == 1

    assert server.roles_of(ALICE) == {NEWCOMER}


async def test_a_long_rate_limit_postpones_all_visits(role, server, people):
    server.faults.add(Fault("discord", GIVE, 429, retry_after=300.0))
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)

    assert await role.step() == 1
    assert await role.step() == 0

    assert "asks to wait" in await people.error(ALICE)


async def test_a_burst_stays_within_the_limits(role, server, people):
    """A step takes only as many members as the limits allow, so that no call waits."""
    user_ids = [server.platform.join(name=f"member {number}") for number in range(15)]
    for user_id in user_ids:
        await people.give_xp(user_id, 10)

    assert await role.step() == 9

    async def all_shown() -> bool:
        await role.step()
        return all(server.roles_of(user_id) == {NEWCOMER} for user_id in user_ids)

    await until(all_shown, what="everybody has a role")
    assert {call.status for call in server.calls(GIVE)} == {204}
    assert len(server.calls(GIVE)) == 15


async def test_where_discord_is_stricter_than_twinstream_toml_its_headers_are_obeyed(
    resources, server, people
):
    """Nine writes in a window are configured; of the four that Discord grants, three are made."""
    await server.platform.stop()
    limits = DiscordLimits()._replace(role_writes=Rate(4, 0.5))
    strict = DiscordPlatform(load_seed(), server.transcript, server.faults, limits=limits)
    await strict.start()
    settings = msgspec.structs.replace(resources.settings, discord_api_base=strict.api_base)
    user_ids = [strict.join(name=f"member {number}") for number in range(12)]
    for user_id in user_ids:
        await people.give_xp(user_id, 10)
    try:
        async with open_role(_with(resources, settings)) as role:

            async def all_shown() -> bool:
                await role.step()
                return len(server.calls(GIVE)) == len(user_ids)

            await until(all_shown, what="everybody has a role", deadline_s=20.0)
    finally:
        await strict.stop()

    assert {call.status for call in server.calls(GIVE)} == {204}
    # Three in each window: nine of the twelve and three windows come before the last three. Four in
    # each would need two windows only, and nine in each, one.
    made = [call.at for call in server.calls(GIVE)]
    assert made[-1] - made[0] > 2.5 * 0.5


async def test_a_refused_token_is_a_matter_of_settings(resources):
    wrong = msgspec.structs.replace(resources.settings, discord_token="WRONG")

    with pytest.raises(ConfigError, match="DISCORD_TOKEN"):
        async with open_role(_with(resources, wrong)):
            pass


async def test_a_discord_that_does_not_answer_is_waited_for(resources, server):
    await server.platform.stop()

    with pytest.raises(NotYet, match="Discord"):
        async with open_role(resources):
            pass


def _with(resources, settings):
    return replace(resources, settings=settings)


async def test_roles_changed_by_hand_stay_if_they_are_to_be_kept(resources, server, people):
    resources = _keeping_manual_changes(resources)
    server.platform.administration.give_role(ALICE, VETERAN)
    async with open_role(resources) as role:
        await people.give_xp(ALICE, 10)
        await role.step()
        await people.give_xp(ALICE, 25)
        await role.step()

    assert server.roles_of(ALICE) == {REGULAR, VETERAN}


async def test_a_role_of_ours_whose_answer_was_lost_is_not_taken_for_one_given_by_hand(
    resources, server, people, pool
):
    resources = _keeping_manual_changes(resources)
    async with open_role(resources) as role:
        await people.give_xp(ALICE, 10)
        await role.step()
        await people.give_xp(ALICE, 25)
        await take(pool, "discord", limit=1, lease_s=-1.0)  # a worker that ends after its writes
        server.platform.administration.give_role(ALICE, REGULAR)
        await people.give_xp(ALICE, 75)
        await role.step()

    assert REGULAR not in server.roles_of(ALICE)
    assert VETERAN in server.roles_of(ALICE)


async def test_a_role_taken_by_hand_is_not_given_again_because_a_visit_was_cut_off(
    resources, server, people, pool
):
    async with open_role(_keeping_manual_changes(resources, rank_roles="stack")) as role:
        await people.give_xp(ALICE, 35)
        await role.step()
        server.platform.administration.take_role(ALICE, NEWCOMER)
        await people.give_xp(ALICE, 75)
        await take(pool, "discord", limit=1, lease_s=-1.0)  # a worker that ends before its writes
        await role.step()

    assert server.roles_of(ALICE) == {REGULAR, VETERAN}


@pytest.mark.parametrize("next_rank", [False, True])
async def test_a_member_who_rejoins_during_a_visit_wears_the_current_rank(
    resources, server, people, pool, next_rank
):
    """It is unknown whether the visit wrote before or after they came back."""
    async with open_role(_keeping_manual_changes(resources)) as role:
        await people.give_xp(ALICE, 35)
        [visit] = await take(pool, "discord", limit=1, lease_s=60.0)
        async with pool.acquire() as conn:
            await show_again(conn, "discord", ALICE)
        if next_rank:
            server.platform.administration.give_role(ALICE, REGULAR)
            await people.give_xp(ALICE, 75)
            await mark_shown(pool, visit)
        else:
            await doubt(pool, visit)
        await role.step()

    assert server.roles_of(ALICE) == {VETERAN if next_rank else REGULAR}


async def test_the_audit_log_says_who_is_back(role, server, people, pool):
    await people.give_xp(ALICE, 10)
    await role.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    async with pool.acquire() as conn:
        await note_absent(pool, "discord", [ALICE], await clock(conn), why="was not on the list")
        await seen_again(conn, "discord", ALICE)

    await role.step()

    *_, call = server.calls(GIVE)
    assert "put back after a change by hand or a return" in call.reason


def _keeping_manual_changes(resources: Resources, **discord: str) -> Resources:
    community = msgspec.structs.replace(
        resources.community,
        keep_manual_changes=True,
        discord=msgspec.structs.replace(resources.community.discord, **discord),
    )
    return replace(resources, community=community)
