"""Ranks as member tags: the real aiogram against the sandbox's Telegram."""

from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from config import Settings
from consumers.display import role as surfaces_module
from consumers.display.role import DisplayRole
from consumers.display.telegram_tags.tags import open_role
from consumers.runtime.resources import Resources
from db.surfaces.display_visits import take
from db.surfaces.observed import clock, note_absent, seen_again
from sandbox import Fault
from tests.support.linking import issue_code, redeem_code
from tests.support.members import MemberDesk
from tests.support.telegram_display import ALICE, BORIS, LOOK, SET, STRANGER, Group


@pytest.fixture(autouse=True)
def uncached_loggers():
    """capture_logs changes the configuration, which a cached logger would not see."""
    structlog.configure(cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


@pytest.fixture
def settings(settings: Settings, group: Group) -> Settings:
    return group.known_to(settings)


@pytest.fixture
async def role(resources) -> AsyncIterator[DisplayRole]:
    async with open_role(resources) as role:
        yield role


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "telegram")


async def test_a_rank_becomes_a_tag(role, group, people):
    await people.give_xp(ALICE, 10)

    assert await role.step() == 1

    assert group.tag_of(ALICE) == "Newcomer"
    assert await people.error(ALICE) is None


async def test_the_tag_of_the_old_rank_is_replaced(role, group, people):
    await people.give_xp(ALICE, 10)
    await role.step()
    await people.give_xp(ALICE, 25)

    await role.step()

    assert group.tag_of(ALICE) == "Regular"


async def test_the_tag_goes_with_the_rank(role, group, people):
    await people.give_xp(ALICE, 10)
    await role.step()
    await people.give_xp(ALICE, -5)

    await role.step()

    assert group.tag_of(ALICE) == ""


async def test_a_tag_changed_by_hand_is_put_right_at_the_next_visit(role, group, people):
    group.platform.people.tag(ALICE, "Champion")
    await people.give_xp(ALICE, 10)

    await role.step()

    assert group.tag_of(ALICE) == "Newcomer"


async def test_where_nothing_differs_nothing_is_written(role, group, people):
    group.platform.people.tag(ALICE, "Newcomer")
    await people.give_xp(ALICE, 10)

    await role.step()

    assert group.calls(SET) == []


async def test_a_lost_write_is_noticed_and_repaired_at_the_next_visit(role, group, people):
    group.faults.add(Fault("telegram", SET, 200, when="dropped"))
    await people.give_xp(ALICE, 10)

    await role.step()
    assert group.tag_of(ALICE) == ""
    assert "did not stick" in await people.error(ALICE)
    await people.retry_now()
    await role.step()

    assert group.tag_of(ALICE) == "Newcomer"


async def test_a_visit_to_a_user_who_left_is_postponed(role, group, people):
    group.platform.leave(ALICE)
    await people.give_xp(ALICE, 10)
    await people.give_xp(STRANGER, 10)

    assert await role.step() == 2

    assert "not in the Telegram group" in await people.error(ALICE)
    assert "not in the Telegram group" in await people.error(STRANGER)
    assert group.calls(SET) == []


async def test_a_rate_limit_postpones_all_visits_for_as_long_as_telegram_says(role, group, people):
    group.faults.add(Fault("telegram", SET, 429, retry_after=120))
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)

    assert await role.step() == 1
    assert await role.step() == 0

    assert "asks to wait" in await people.error(ALICE)
    assert await people.retry_in_s(ALICE) > 100
    assert len(group.calls(SET)) == 1


@pytest.mark.parametrize(
    ("status", "rights", "told"),
    [
        ("administrator", frozenset(), "lacks the right to edit member tags"),
        ("member", None, "is not an administrator"),
        ("kicked", None, "is not an administrator"),
    ],
)
async def test_a_bot_without_the_right_tries_nothing_until_it_has_it(
    role, group, people, monkeypatch, status, rights, told
):
    monkeypatch.setattr(surfaces_module, "SURVEY_S", 0.0)
    group.platform.people.set_bot(status, rights)
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)

    with capture_logs() as logs:
        for _ in range(4):
            await role.step()
            role._blocked_until = 0.0

    [warning] = [line for line in logs if line["log_level"] == "warning"]
    assert told in warning["why"] or "bot was kicked" in warning["why"]
    assert "Edit Member Tags" in warning["why"]
    assert group.calls(SET) == []
    group.platform.people.set_bot("administrator")
    await role.step()
    assert (group.tag_of(ALICE), group.tag_of(BORIS)) == ("Newcomer", "Newcomer")


async def test_a_user_who_left_is_not_visited_again_until_they_are_seen(role, group, people, pool):
    group.platform.leave(ALICE)
    await people.give_xp(ALICE, 10)
    await role.step()
    looked = len(group.calls(LOOK))

    await people.give_xp(ALICE, 30)
    await people.unlock(ALICE, "lucky_guess")
    assert await role.step() == 0
    assert len(group.calls(LOOK)) == looked

    group.platform.join(ALICE)
    async with pool.acquire() as conn:
        await seen_again(conn, "telegram", ALICE)
    await role.step()
    assert group.tag_of(ALICE) == "Regular"


async def test_a_broken_connection_postpones_all_visits(role, group, people):
    await role.step()
    group.faults.add(Fault("telegram", LOOK, 0, when="hangup"))
    await people.give_xp(ALICE, 10)

    assert await role.step() == 1

    assert "in trouble" in await people.error(ALICE)


async def test_a_revoked_token_is_logged(role, group, people):
    await role.step()
    group.faults.add(Fault("telegram", LOOK, 401, description="Unauthorized"))
    await people.give_xp(ALICE, 10)

    await role.step()

    assert "TELEGRAM_TOKEN" in await people.error(ALICE)


async def test_a_tag_given_by_hand_stays_if_it_is_to_be_kept(resources, group, people):
    resources = _keeping_manual_changes(resources)
    async with open_role(resources) as role:
        await people.give_xp(ALICE, 10)
        await role.step()
        group.platform.people.tag(ALICE, "Champion")
        await people.give_xp(ALICE, 25)
        await people.give_xp(BORIS, 25)
        await role.step()

    assert (group.tag_of(ALICE), group.tag_of(BORIS)) == ("Champion", "Newcomer")


async def test_a_tag_of_ours_whose_answer_was_lost_is_not_taken_for_one_given_by_hand(
    resources, group, people, pool
):
    resources = _keeping_manual_changes(resources)
    async with open_role(resources) as role:
        await people.give_xp(ALICE, 10)
        await role.step()
        await people.give_xp(ALICE, 25)
        await take(pool, "telegram", limit=1, lease_s=-1.0)  # a worker that ends after its write
        group.platform.people.tag(ALICE, "Regular")
        await people.give_xp(ALICE, 75)
        await role.step()

    assert group.tag_of(ALICE) == "Veteran"


async def test_our_tag_is_known_as_ours_after_linking_if_changes_by_hand_are_kept(
    resources, group, people, pool
):
    resources = _keeping_manual_changes(resources)
    async with open_role(resources) as role:
        await people.give_xp(ALICE, 10)
        await role.step()
        async with pool.acquire() as conn:
            code = await issue_code(conn, "telegram", ALICE)
            await redeem_code(conn, "discord", 4242, code)
        await people.give_xp(ALICE, 25)
        await role.step()

    assert group.tag_of(ALICE) == "Regular"


async def test_our_tag_is_known_as_ours_after_an_absence_if_changes_by_hand_are_kept(
    resources, group, people, pool
):
    resources = _keeping_manual_changes(resources)
    async with open_role(resources) as role:
        await people.give_xp(ALICE, 10)
        await role.step()
        async with pool.acquire() as conn:
            now = await clock(conn)
            await note_absent(pool, "telegram", [ALICE], now, why="was not on the list")
            await seen_again(conn, "telegram", ALICE)
        await people.give_xp(ALICE, 25)
        await role.step()

    assert group.tag_of(ALICE) == "Regular"


async def test_a_rank_that_comes_back_after_a_lost_answer_is_worn(role, group, people, pool):
    """Telegram took the tag, but its answer was lost; the old rank is no longer shown."""
    await people.give_xp(ALICE, 10)
    await role.step()
    await people.give_xp(ALICE, -5)
    await take(pool, "telegram", limit=1, lease_s=-1.0)  # a worker that ends after its write
    group.platform.people.tag(ALICE, "")
    await people.give_xp(ALICE, 5)

    assert await role.step() == 1

    assert group.tag_of(ALICE) == "Newcomer"


def _keeping_manual_changes(resources: Resources) -> Resources:
    community = msgspec.structs.replace(resources.community, keep_manual_changes=True)
    return replace(resources, community=community)
