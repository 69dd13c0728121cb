"""Roles and tags changed by hand on the platforms are found, explained and put back."""

import dataclasses
import warnings
from collections.abc import AsyncIterator

import msgspec
import pytest

from config import Settings
from consumers.display.telegram_tags import tags as telegram_tags
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from sandbox import Fault
from tests.support.discord_display import (
    ALICE,
    BORIS,
    COUNTS,
    GIVE,
    LIST,
    NEWCOMER,
    TAKE,
    VETERAN,
    Server,
)
from tests.support.members import MemberDesk
from tests.support.reconcile import a_pass, ended, everything, opened
from tests.support.settling import until
from tests.support.telegram_display import ALICE as TG_ALICE
from tests.support.telegram_display import Group

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles import roles as discord_roles


@pytest.fixture
def settings(settings: Settings, server: Server, group: Group) -> Settings:
    return group.known_to(server.known_to(settings))


@pytest.fixture
async def role(resources: Resources) -> AsyncIterator[Reconcile]:
    async with opened(resources) as role:
        yield role


@pytest.fixture
async def show(resources: Resources):
    """Show everybody what they should be seen with; returns how many were visited."""
    async with (
        discord_roles.open_role(resources) as roles,
        telegram_tags.open_role(resources) as tags,
    ):

        async def show() -> int:
            return await roles.step() + await tags.step()

        yield show


@pytest.fixture
async def ranked(pool, show) -> None:
    """Two members with a rank on Discord, one of them with one on Telegram as well."""
    for account in (ALICE, BORIS):
        await MemberDesk(pool, "discord").give_xp(account, 10)
    await MemberDesk(pool, "telegram").give_xp(TG_ALICE, 10)
    await show()


async def worn(pool) -> list[tuple[str, ...]]:
    """The findings of passes about roles and tags, in order."""
    rows = await pool.fetch(
        "SELECT platform, subject, seen, expected, decision, why FROM drift"
        " WHERE subject IN ('roles', 'tags') ORDER BY id"
    )
    return [tuple(row) for row in rows]


@pytest.mark.usefixtures("ranked")
async def test_where_everything_is_worn_as_shown_a_pass_writes_nothing(pool, role):
    before = await everything(pool)

    report = await a_pass(role, pool)

    assert (report.status, report.findings, report.left_out) == ("finished", 0, [])
    assert await everything(pool) == before


@pytest.mark.usefixtures("ranked")
async def test_a_role_taken_by_hand_is_put_back_by_the_second_pass(pool, server, role, show):
    server.platform.administration.take_role(ALICE, NEWCOMER)

    await a_pass(role, pool)
    assert await show() == 0, "nothing is done on first sight"
    await a_pass(role, pool)
    assert await show() == 1

    assert server.roles_of(ALICE) == {NEWCOMER}
    assert server.roles_of(BORIS) == {NEWCOMER}
    assert "put back after a change by hand" in server.calls(GIVE)[-1].reason
    first, second = await worn(pool)
    assert first[:5] == ("discord", "roles", "none of our roles", "rank Newcomer", "confirmed")
    assert second[:5] == ("discord", "roles", "none of our roles", "rank Newcomer", "repaired")
    assert second[5] == (
        f"Discord's roles: roles of account {ALICE} is none of our roles, expected is rank"
        " Newcomer. People changed it by hand in the Discord server, or a write was lost there."
        " The worker that shows ranks puts it back when nobody waits for anything more urgent."
    )
    assert (await a_pass(role, pool)).findings == 0


@pytest.mark.usefixtures("ranked")
async def test_a_role_given_by_hand_is_taken_back_by_the_second_pass(pool, server, role, show):
    server.platform.administration.give_role(BORIS, VETERAN)

    for _ in range(2):
        await a_pass(role, pool)
        await show()

    assert server.roles_of(BORIS) == {NEWCOMER}
    assert [row[2:5] for row in await worn(pool)] == [
        ("rank Newcomer, rank Veteran", "rank Newcomer", "confirmed"),
        ("rank Newcomer, rank Veteran", "rank Newcomer", "repaired"),
    ]


@pytest.mark.usefixtures("ranked")
async def test_a_tag_changed_by_hand_is_put_back_by_the_second_pass(pool, group, role, show):
    group.platform.people.tag(TG_ALICE, "Champion")

    for _ in range(2):
        await a_pass(role, pool)
        await show()

    assert group.tag_of(TG_ALICE) == "Newcomer"
    assert [row[:5] for row in await worn(pool)] == [
        ("telegram", "tags", "'Champion'", "'Newcomer'", "confirmed"),
        ("telegram", "tags", "'Champion'", "'Newcomer'", "repaired"),
    ]


@pytest.mark.usefixtures("ranked")
async def test_a_role_that_was_put_right_in_time_is_gone(pool, server, role, show):
    server.platform.administration.take_role(ALICE, NEWCOMER)
    await a_pass(role, pool)
    server.platform.administration.give_role(ALICE, NEWCOMER)

    await a_pass(role, pool)

    [(*_, decision, why)] = await worn(pool)
    assert decision == "gone"
    assert "did not find it again" in why
    assert await show() == 0


@pytest.mark.usefixtures("ranked")
@pytest.mark.parametrize("status", [403, 503])
async def test_a_platform_that_cannot_be_looked_at_is_left_out_and_the_rest_proven(
    pool, server, group, role, show, status
):
    server.platform.administration.take_role(ALICE, NEWCOMER)
    group.platform.people.tag(TG_ALICE, "Champion")
    server.faults.add(Fault("discord", LIST, status))

    report = await a_pass(role, pool)

    assert report.status == "finished"
    [left_out] = report.left_out
    assert left_out.startswith("discord roles")
    assert [row[:2] for row in await worn(pool)] == [("telegram", "tags")]


@pytest.mark.usefixtures("ranked")
async def test_with_another_servers_id_nothing_is_found_and_nothing_written(
    pool, server, resources, show
):
    discord = msgspec.structs.replace(resources.community.discord, guild_id=ALICE)
    community = msgspec.structs.replace(resources.community, discord=discord)
    async with opened(dataclasses.replace(resources, community=community)) as role:
        for _ in range(2):
            report = await a_pass(role, pool)
            [left_out] = report.left_out
    assert left_out.startswith("discord roles")

    assert await worn(pool) == []
    assert await show() == 0


@pytest.mark.usefixtures("ranked")
async def test_changes_by_hand_that_are_to_stay_are_not_looked_for(pool, server, resources, show):
    server.platform.administration.take_role(ALICE, NEWCOMER)
    community = msgspec.structs.replace(resources.community, keep_manual_changes=True)
    async with opened(dataclasses.replace(resources, community=community)) as role:
        for _ in range(2):
            await a_pass(role, pool)

    assert await worn(pool) == []
    assert await show() == 0
    assert server.roles_of(ALICE) == set()
    assert server.calls(LIST) == server.calls(COUNTS) == []


@pytest.mark.usefixtures("ranked")
async def test_a_dry_run_finds_it_and_has_nothing_put_back(pool, server, role, show):
    server.platform.administration.take_role(ALICE, NEWCOMER)

    for _ in range(2):
        await a_pass(role, pool, dry_run=True)

    assert [row[4] for row in await worn(pool)] == ["left", "left"]
    assert await show() == 0


async def test_when_too_many_differ_nothing_is_put_back(pool, server, resources, show):
    limits = msgspec.structs.replace(resources.community.reconcile, members_always=1)
    community = msgspec.structs.replace(resources.community, reconcile=limits)
    people = MemberDesk(pool, "discord")
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await show()
    async with opened(dataclasses.replace(resources, community=community)) as role:
        await a_pass(role, pool)
        server.platform.administration.take_role(ALICE, NEWCOMER)
        server.platform.administration.take_role(BORIS, NEWCOMER)

        reports = [await a_pass(role, pool) for _ in range(2)]

    assert {report.status for report in reports} == {"stopped"}
    assert "discord roles: 2 of 2 members differ" in str(reports[-1].stopped_because)
    assert await show() == 0
    assert server.roles_of(ALICE) == server.roles_of(BORIS) == set()
    assert server.calls(TAKE) == []


@pytest.mark.usefixtures("ranked")
async def test_the_alarm_begins_a_pass_before_its_time(pool, server, resources, show):
    limits = msgspec.structs.replace(resources.community.reconcile, alarm_interval_ms=10)
    community = msgspec.structs.replace(resources.community, reconcile=limits)
    async with opened(dataclasses.replace(resources, community=community)) as role:
        await a_pass(role, pool)
        server.platform.administration.take_role(ALICE, NEWCOMER)

        async def is_found() -> bool:
            await role.step()
            return bool(await worn(pool))

        await until(is_found, what="a pass that the alarm began")
        [(run_id, cause)] = await pool.fetch(
            "SELECT id, cause FROM reconcile_runs WHERE cause <> 'asked'"
        )
        await ended(role, pool, run_id)

    assert cause == "alarm"
    assert [row[:5] for row in await worn(pool)] == [
        ("discord", "roles", "none of our roles", "rank Newcomer", "watched")
    ]
