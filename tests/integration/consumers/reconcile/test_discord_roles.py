"""Roles of members on Discord, as reconcile reads them: real discord.py, the sandbox's Discord."""

import asyncio
import dataclasses
import warnings
from collections.abc import AsyncIterator

import msgspec
import pytest

from config import Settings
from consumers.display.role import DisplayRole
from consumers.reconcile.platforms import PlatformSubjects, open_platform_subjects
from consumers.reconcile.port import CannotRead, Subject
from consumers.reconcile.subjects import appearance
from db.members.accounts import remember_name
from sandbox import Fault
from sandbox.discord_api.gateway.intents import Intent
from tests.support.appearance import WornDesk
from tests.support.discord_display import (
    ALICE,
    BOOSTER,
    BORIS,
    COUNTS,
    GIVE,
    LIST,
    LOOK,
    LUCKY,
    NEWCOMER,
    REGULAR,
    VERA,
    VETERAN,
    Server,
)
from tests.support.members import MemberDesk

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord

    from consumers.display.discord_roles.roles import open_role

WITHOUT_LISTS = Intent(0)


@pytest.fixture
def privileged() -> Intent:
    """The intents of the application; tests of one way of reading override them."""
    return Intent.GUILD_MEMBERS


@pytest.fixture
async def server(privileged: Intent) -> AsyncIterator[Server]:
    async with Server(privileged=privileged) as server:
        yield server


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    return server.known_to(settings)


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "discord")


@pytest.fixture
async def worker(resources) -> AsyncIterator[DisplayRole]:
    """The role that shows ranks."""
    async with open_role(resources) as role:
        yield role


@pytest.fixture
async def looking(resources) -> AsyncIterator[PlatformSubjects]:
    async with open_platform_subjects(resources) as looking:
        yield looking


@pytest.fixture
def roles(looking: PlatformSubjects) -> Subject:
    [subject] = looking.subjects
    return subject


@pytest.fixture
def desk(pool, roles) -> WornDesk:
    return WornDesk(pool, roles)


both_ways = pytest.mark.parametrize(
    "privileged", [Intent.GUILD_MEMBERS, WITHOUT_LISTS], ids=["listed", "one by one"]
)


@both_ways
async def test_whose_roles_are_right_shows_no_difference(desk, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await people.unlock(ALICE, "lucky_guess")
    await worker.step()

    [row] = await desk.read(ALICE)

    assert row.seen == row.expected == {"roles": "rank Newcomer, achievement Lucky"}
    assert row.is_there


@both_ways
async def test_a_role_taken_by_hand_is_seen_and_put_back(desk, server, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)

    [row] = await desk.read(ALICE)
    repaired = await desk.repair(row)
    await worker.step()

    assert row.seen == {"roles": "none of our roles"}
    assert row.expected == {"roles": "rank Newcomer"}
    assert repaired.decision == "repaired"
    assert server.roles_of(ALICE) == {NEWCOMER}
    assert "put back after a change by hand" in server.calls(GIVE)[-1].reason


async def test_a_role_given_by_hand_is_seen_and_taken_back(desk, server, roles, worker, people):
    server.platform.administration.give_role(ALICE, BOOSTER)
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.give_role(ALICE, VETERAN)

    [row] = await desk.read(ALICE)
    await desk.repair(row)
    await worker.step()

    assert row.seen == {"roles": "rank Newcomer, rank Veteran"}
    assert server.roles_of(ALICE) == {NEWCOMER, BOOSTER}


async def test_roles_that_are_not_ours_are_nobodys_business(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.give_role(ALICE, BOOSTER)

    [row] = await desk.read(ALICE)

    assert row.seen == row.expected


async def test_who_is_about_to_be_shown_something_is_left_out(desk, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    await people.give_xp(ALICE, 25)

    assert await desk.read(ALICE) == []


async def test_who_is_shown_something_during_the_look_is_left_out(
    desk, server, worker, people, monkeypatch
):
    await people.give_xp(ALICE, 10)
    await worker.step()
    whole = discord.http.HTTPClient.get_members

    async def and_meanwhile(self, guild_id, limit, after):
        members = await whole(self, guild_id, limit, after)
        await people.give_xp(ALICE, 25)
        await worker.step()
        return members

    monkeypatch.setattr(discord.http.HTTPClient, "get_members", and_meanwhile)

    assert await desk.read(ALICE) == []
    assert server.roles_of(ALICE) == {REGULAR}


async def test_what_is_right_again_is_not_repaired(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    [row] = await desk.read(ALICE)
    server.platform.administration.give_role(ALICE, NEWCOMER)

    assert (await desk.repair(row)).decision == "gone"
    assert await worker.step() == 0


async def test_what_was_changed_once_more_is_not_what_was_found(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    [row] = await desk.read(ALICE)
    server.platform.administration.give_role(ALICE, VETERAN)

    assert (await desk.repair(row)).decision == "gone"
    assert await worker.step() == 0


async def test_who_earned_a_rank_meanwhile_is_not_repaired(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    [row] = await desk.read(ALICE)
    await people.give_xp(ALICE, 25)

    assert (await desk.repair(row)).decision == "gone"


async def test_who_left_meanwhile_is_not_repaired(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    [row] = await desk.read(ALICE)
    server.platform.people.leave(ALICE)

    assert (await desk.repair(row)).decision == "gone"


@pytest.mark.parametrize("privileged", [WITHOUT_LISTS])
async def test_what_cannot_be_looked_at_again_is_left(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    [row] = await desk.read(ALICE)
    server.faults.add(Fault("discord", LOOK, 503))

    repair = await desk.repair(row)

    assert repair.decision == "left"
    assert "Discord is in trouble" in repair.why
    assert await worker.step() == 0


async def test_only_who_has_something_to_show_is_looked_at(pool, desk, people):
    await people.give_xp(BORIS, 10)
    await people.give_xp(ALICE, 10)
    async with pool.acquire() as conn:
        await remember_name(conn, "discord", VERA, "Vera")

    assert await desk.ids() == [ALICE, BORIS]


async def test_who_is_in_a_workers_hands_is_left_out(desk, pool, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    await pool.execute("UPDATE surfaces SET taken_until = now() + interval '1 minute'")

    assert await desk.read(ALICE) == []


@both_ways
async def test_who_left_wears_nothing_and_that_is_no_drift(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    server.platform.people.leave(ALICE)

    gone, there = await desk.read(ALICE, BORIS)

    assert not gone.is_there
    assert gone.seen == gone.expected == {}
    assert there.is_there


@both_ways
async def test_who_came_back_unheard_is_shown_again(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.people.leave(ALICE)
    await desk.read(ALICE)
    server.platform.people.join(ALICE)

    assert await desk.read(ALICE) == []
    await worker.step()

    assert server.roles_of(ALICE) == {NEWCOMER}


async def test_half_a_list_of_members_takes_nobody_for_gone(
    desk, server, roles, worker, people, monkeypatch
):
    for member in (VERA, ALICE, BORIS):
        await people.give_xp(member, 10)
    await worker.step()
    whole = discord.http.HTTPClient.get_members

    async def half(self, guild_id, limit, after):
        members = await whole(self, guild_id, limit, after)
        return members[: (len(members) + 1) // 2]

    monkeypatch.setattr(discord.http.HTTPClient, "get_members", half)

    rows = await desk.read(VERA, ALICE, BORIS)

    assert [(row.id, row.seen) for row in rows] == [
        (member, {"roles": "rank Newcomer"}) for member in (VERA, ALICE, BORIS)
    ]


async def test_who_is_missing_from_a_list_is_asked_about_alone(
    desk, server, worker, people, monkeypatch
):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    whole = discord.http.HTTPClient.get_members

    async def with_a_hole(self, guild_id, limit, after):
        members = await whole(self, guild_id, limit, after)
        return [one for one in members if int(one["user"]["id"]) != ALICE]

    monkeypatch.setattr(discord.http.HTTPClient, "get_members", with_a_hole)
    looks = server.looks_at(ALICE)

    rows = await desk.read(ALICE, BORIS)

    assert all(row.is_there and row.seen == row.expected for row in rows)
    assert len(rows) == 2
    assert server.looks_at(ALICE) == looks + 1


async def test_a_list_out_of_order_is_not_believed(desk, server, worker, people, monkeypatch):
    await people.give_xp(ALICE, 10)
    await worker.step()
    whole = discord.http.HTTPClient.get_members

    async def reversed_list(self, guild_id, limit, after):
        return (await whole(self, guild_id, limit, after))[::-1]

    monkeypatch.setattr(discord.http.HTTPClient, "get_members", reversed_list)

    with pytest.raises(CannotRead, match="out of order"):
        await desk.read(ALICE)


async def test_a_list_that_fails_in_the_middle_leaves_everybody_out(
    desk, server, worker, people, monkeypatch
):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    whole = discord.http.HTTPClient.get_members

    async def one_at_a_time(self, guild_id, limit, after):
        listed = await whole(self, guild_id, 1, after)
        server.faults.add(Fault("discord", LIST, 503))
        return listed

    monkeypatch.setattr(discord.http.HTTPClient, "get_members", one_at_a_time)

    with pytest.raises(CannotRead):
        await desk.read(ALICE, BORIS)

    assert len(server.calls(LIST)) == 2


async def test_the_more_one_call_tells_the_more_are_asked_for_at_once(desk, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    rows, in_a_pass = roles.page_rows, roles.slice_rows_max

    await desk.read(ALICE, BORIS)

    assert roles.page_rows > rows
    assert roles.slice_rows_max > in_a_pass


@pytest.mark.parametrize("privileged", [WITHOUT_LISTS])
async def test_without_the_intent_nobody_is_listed(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()

    await desk.read(ALICE)

    assert server.calls(LIST) == []
    assert server.refusals() == []


async def test_with_a_refused_token_nothing_is_looked_at(pool, resources, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    settings = msgspec.structs.replace(resources.settings, discord_token="not-the-token")
    async with open_platform_subjects(dataclasses.replace(resources, settings=settings)) as looking:
        with pytest.raises(CannotRead, match="DISCORD_TOKEN"):
            await WornDesk(pool, looking.subjects[0]).read(ALICE)


async def test_who_keeps_changes_by_hand_is_not_looked_at(resources):
    community = msgspec.structs.replace(resources.community, keep_manual_changes=True)
    async with open_platform_subjects(
        dataclasses.replace(resources, community=community)
    ) as looking:
        assert looking == PlatformSubjects((), None)


async def test_who_waits_at_the_screening_is_no_drift(desk, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.people.leave(ALICE)
    server.platform.people.join(ALICE, pending=True)

    [row] = await desk.read(ALICE)

    assert not row.is_there
    assert row.seen == row.expected == {}


async def test_a_member_whom_another_bot_muted_is_no_drift(resources, pool, server, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    server.platform.administration.give_role(ALICE, LUCKY)
    alone = msgspec.structs.replace(resources.community.discord, leave_alone_roles=(LUCKY,))
    community = msgspec.structs.replace(resources.community, discord=alone)

    async with open_platform_subjects(
        dataclasses.replace(resources, community=community)
    ) as looking:
        [row] = await WornDesk(pool, looking.subjects[0]).read(ALICE)

    assert not row.is_there


async def test_a_long_look_keeps_the_callers_transaction_awake(
    pool, roles, worker, people, monkeypatch
):
    monkeypatch.setattr(appearance, "KEEPALIVE_S", 0.2)
    await people.give_xp(ALICE, 10)
    await worker.step()
    async with pool.acquire() as conn:
        await conn.execute("SET idle_in_transaction_session_timeout = '2s'")
        whole = discord.http.HTTPClient.get_members

        async def slowly(self, guild_id, limit, after):
            await asyncio.sleep(3)
            return await whole(self, guild_id, limit, after)

        monkeypatch.setattr(discord.http.HTTPClient, "get_members", slowly)
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            [row] = await roles.read(conn, [ALICE])
            assert await conn.fetchval("SELECT 1") == 1

    assert row.is_there


@pytest.mark.parametrize("privileged", [WITHOUT_LISTS])
async def test_nothing_is_concluded_from_everybody_being_unknown(
    desk, pool, server, worker, people
):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    server.faults.add(Fault("discord", LOOK, 404, code=10007, times=9))

    with pytest.raises(CannotRead, match="not even the bot"):
        await desk.read(ALICE, BORIS)

    assert await desk.parked() == []


@pytest.mark.parametrize("privileged", [WITHOUT_LISTS])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("discord", LOOK, 404, code=10004),
        Fault("discord", LOOK, 403, code=50001),
        Fault("discord", LOOK, 404, code=0),
        Fault("discord", LOOK, 503),
    ],
    ids=["unknown guild", "missing access", "unknown what", "5xx"],
)
async def test_an_answer_that_says_nothing_of_the_member_leaves_everybody_out(
    desk, server, worker, people, fault
):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    server.faults.add(fault)

    with pytest.raises(CannotRead):
        await desk.read(ALICE, BORIS)


async def test_the_alarm_rings_when_a_role_was_taken_by_hand(server, looking, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    alarm = looking.alarm
    assert await alarm.ring() is None
    server.platform.administration.take_role(ALICE, NEWCOMER)

    first, second = await alarm.ring(), await alarm.ring()

    assert first is None, "what was seen once may be on its way"
    assert second == "1 fewer hold the role of rank Newcomer than should"


async def test_the_alarm_rings_once_for_what_a_pass_looked_into(server, looking):
    server.platform.administration.give_role(ALICE, VETERAN)
    alarm = looking.alarm
    await alarm.ring()
    assert await alarm.ring() == "1 more hold the role of rank Veteran than should"
    assert await alarm.ring() is not None, "no pass could begin yet"

    alarm.pass_begun()

    assert await alarm.ring() is None
    server.platform.administration.give_role(BORIS, VETERAN)
    await alarm.ring()
    assert await alarm.ring() == "2 more hold the role of rank Veteran than should"


async def test_what_is_on_its_way_rings_no_alarm(looking, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    await people.give_xp(ALICE, 25)
    await people.give_xp(BORIS, 100)

    assert [await looking.alarm.ring() for _ in range(3)] == [None] * 3


async def test_who_left_rings_no_alarm_once_that_is_known(desk, server, looking, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.people.leave(ALICE)
    await desk.read(ALICE)

    assert [await looking.alarm.ring() for _ in range(3)] == [None] * 3


@pytest.mark.parametrize("fault", [Fault("discord", COUNTS, 503), Fault("discord", COUNTS, 403)])
async def test_counts_that_cannot_be_had_ring_no_alarm(server, looking, fault):
    server.platform.administration.give_role(ALICE, VETERAN)
    await looking.alarm.ring()
    server.faults.add(fault)

    assert await looking.alarm.ring() is None
    assert await looking.alarm.ring() is not None
