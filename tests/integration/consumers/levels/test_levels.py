"""The role `levels`: a level that a member earns is news once, whatever else changes XP."""

import asyncio

import asyncpg
import msgspec
import pytest

from config import Community
from config.community_file import AnnouncementSetting
from config.levels import LevelSetting
from consumers.levels.role import Levels
from consumers.runtime.resources import Resources
from db.surfaces.announcements import Announcement
from db.surfaces.display_visits import mark_shown, take
from db.surfaces.observed import show_again
from tests.support.announced import take_announcements
from tests.support.linking import issue_code, redeem_code
from tests.support.recorded_events import record, xp

CURVE = LevelSetting(table=(100, 200, 300, 400, 500, 600))


@pytest.fixture
def community(community: Community) -> Community:
    setting = msgspec.convert({"telegram": True, "level": {}}, AnnouncementSetting)
    return msgspec.structs.replace(community, announcements=setting, levels=CURVE)


async def note(resources: Resources, community: Community | None = None) -> None:
    """Let the role work until nothing is left to do."""
    if community is not None:
        object.__setattr__(resources, "community", community)
    role = Levels(resources)
    while await role.step():
        pass
    await role.step()
    while await role.step():
        pass


async def news(pool: asyncpg.Pool, platform: str = "telegram") -> list[tuple[int, int]]:
    """Take the levels that wait to be announced: account and level."""
    async with pool.acquire() as conn:
        taken: list[Announcement] = await take_announcements(
            conn, "discord" if platform == "discord" else "telegram", limit=100
        )
    return [(one.account_id, one.number) for one in taken if one.kind == "level"]


async def import_xp(pool: asyncpg.Pool, amount: int, *, account_id: int = 1001) -> None:
    """Enter XP as the import of a bot's history does."""
    one = xp(amount, user_id=account_id, reason="import", key=f"import:telegram:{account_id}:xp")
    await pool.fetch(
        "SELECT * FROM record_events(ARRAY[$1], 'pending', true, true, true)", one.payload.decode()
    )


async def test_a_level_is_announced_once_and_the_newest_of_several_only(resources, pool):
    await note(resources)
    await record(pool, xp(120))
    await note(resources)
    assert await news(pool) == [(1001, 1)]

    await note(resources)
    assert await news(pool) == []

    await record(pool, xp(450, "2"))
    await note(resources)
    assert await news(pool) == [(1001, 5)]


async def test_a_level_that_was_lost_and_reached_again_is_no_news(resources, pool):
    await note(resources)
    await record(pool, xp(120))
    await note(resources)
    await news(pool)

    await record(pool, xp(-50, "2"))
    await note(resources)
    await record(pool, xp(50, "3"))
    await note(resources)
    assert await news(pool) == []

    await record(pool, xp(90, "4"))
    await note(resources)
    assert await news(pool) == [(1001, 2)]


@pytest.mark.parametrize(
    ("table", "told"), [(CURVE.table, [(1001, 2)]), ((100, 150, 300), [])], ids=["same", "new"]
)
async def test_a_member_who_joined_again_and_is_not_shown_yet_reaches_a_level(
    resources, community, pool, table, told
):
    await note(resources)
    await record(pool, xp(120))
    await note(resources)
    await news(pool)

    async with pool.acquire() as conn:
        await show_again(conn, "telegram", 1001)
    await record(pool, xp(90, "2"))
    curve = msgspec.structs.replace(community, levels=LevelSetting(table=table))
    await note(resources, curve)
    await note(resources)

    assert await news(pool) == told


async def test_members_of_before_are_not_announced(resources, pool):
    await record(pool, xp(350), xp(20, user_id=1002))
    await pool.execute("UPDATE members SET level_due_xp = NULL")

    await note(resources)
    assert await news(pool) == []

    await record(pool, xp(60, "2"), xp(90, "2", user_id=1002))
    await note(resources)
    assert await news(pool) == [(1001, 4), (1002, 1)]


@pytest.mark.parametrize("before", [0, 120])
async def test_imported_xp_is_no_news(resources, pool, before):
    await note(resources)
    if before:
        await record(pool, xp(before))
        await note(resources)
        await news(pool)
    await import_xp(pool, 350)
    await note(resources)
    assert await news(pool) == []

    await record(pool, xp(150, "9"))
    await note(resources)
    assert await news(pool) == [(1001, 5 if not before else 6)]


async def test_what_two_accounts_add_up_to_is_no_news(resources, pool):
    await note(resources)
    await record(pool, xp(120))
    await record(pool, xp(130, user_id=2001, source="discord"))
    await note(resources)
    assert (await news(pool), await news(pool, "discord")) == ([(1001, 1)], [(2001, 1)])

    async with pool.acquire() as conn:
        code = await issue_code(conn, "telegram", 1001)
        await redeem_code(conn, "discord", 2001, code)
    await note(resources)
    assert (await news(pool), await news(pool, "discord")) == ([], [])

    await record(pool, xp(60, "2"))
    await note(resources)
    assert (await news(pool), await news(pool, "discord")) == ([(1001, 3)], [(2001, 3)])


async def test_another_curve_makes_nobodys_level_news(resources, community, pool):
    await note(resources)
    await record(pool, xp(120))
    await note(resources)
    await news(pool)

    flatter = msgspec.structs.replace(community, levels=LevelSetting(table=(10, 20, 150)))
    await note(resources, flatter)
    assert await news(pool) == []

    await record(pool, xp(40, "2"))
    await note(resources)
    assert await news(pool) == [(1001, 3)]


async def test_two_roles_at_once_make_one_piece_of_news(resources, pool):
    await note(resources)
    await record(pool, *(xp(120, user_id=one) for one in range(1, 41)))
    roles = [Levels(resources), Levels(resources)]
    for role in roles:
        role._noted_to = 2**63 - 1
    noted = await asyncio.gather(*(role.step() for role in roles))

    assert sum(noted) == 40
    assert len(await news(pool)) == 40
    assert await news(pool) == []


async def test_a_visit_of_the_display_changes_no_level_and_repeats_no_news(resources, pool):
    await note(resources)
    await record(pool, xp(120))
    await note(resources)
    assert await news(pool) == [(1001, 1)]

    for visit in await take(pool, "telegram", limit=10, lease_s=60.0):
        await mark_shown(pool, visit)

    assert await news(pool) == []
    level = await pool.fetchrow(
        "SELECT wanted, shown, announced FROM surfaces WHERE surface = 'level'"
    )
    assert tuple(level) == (1, 1, 1)


async def test_without_announcements_of_levels_it_notes_none(resources, community, pool):
    silent = msgspec.structs.replace(community, announcements=AnnouncementSetting(telegram=True))
    await record(pool, xp(120))
    await note(resources, silent)

    assert await pool.fetchval("SELECT count(*) FROM surfaces WHERE surface = 'level'") == 0
    assert await pool.fetchval("SELECT count(*) FROM level_curve") == 0
