"""What members hold on Discord, as reconcile sees it: real discord.py, the sandbox's Discord."""

import warnings
from collections.abc import AsyncIterator, Sequence

import asyncpg
import msgspec
import pytest
from discord_desk import ALICE, BOOSTER, BORIS, GIVE, LOOK, NEWCOMER, REGULAR, VETERAN, Server
from member_desk import MemberDesk

from config import Settings
from consumers.reconcile.looking import Looking, open_looking
from consumers.reconcile.subjects import CannotLook, Finding, Subject
from consumers.surfaces import Surfaces
from sandbox import Fault, load_seed
from sandbox.discord_api.intents import Intent
from schemas import SnapshotRow

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.discord_roles import open_role

LIST = "GET /guilds/{guild_id}/members"
COUNTS = "GET /guilds/{guild_id}/roles/member-counts"
WITHOUT_LISTS = Intent(0)


@pytest.fixture
def privileged() -> Intent:
    """What the application was granted; tests of one way of looking override it."""
    return Intent.GUILD_MEMBERS


@pytest.fixture
async def server(privileged: Intent) -> AsyncIterator[Server]:
    server = Server(privileged=privileged)
    await server.platform.start()
    yield server
    await server.platform.stop()


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    return msgspec.structs.replace(
        settings,
        discord_token=load_seed().discord.token,
        discord_api_base=server.platform.api_base,
        discord_gateway_url=server.platform.gateway_url,
    )


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "discord")


@pytest.fixture
async def worker(parts) -> AsyncIterator[Surfaces]:
    """The role that shows ranks."""
    async with open_role(parts) as role:
        yield role


@pytest.fixture
async def looking(parts) -> AsyncIterator[Looking]:
    async with open_looking(parts) as looking:
        yield looking


@pytest.fixture
def roles(looking: Looking) -> Subject:
    [subject] = looking.subjects
    return subject


async def read(pool: asyncpg.Pool, subject: Subject, *ids: int) -> Sequence[SnapshotRow]:
    """Read as a pass does: in a view of the record that is older than the look."""
    async with (
        pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        await conn.fetchval("SELECT count(*) FROM surfaces")
        return await subject.read(conn, ids)


def finding(row: SnapshotRow) -> Finding:
    [field] = row.expected
    return Finding(
        run_id=1,
        finding_id=1,
        platform="discord",
        subject="roles",
        subject_id=row.id,
        member_id=row.member_id,
        account_id=row.account_id,
        field=field,
        seen=str(row.seen[field]),
        expected=str(row.expected[field]),
        difference=None,
        in_flight=row.in_flight,
    )


async def repair(pool: asyncpg.Pool, subject: Subject, row: SnapshotRow):
    async with pool.acquire() as conn, conn.transaction():
        return await subject.repair(conn, finding(row))


both_ways = pytest.mark.parametrize(
    "privileged", [Intent.GUILD_MEMBERS, WITHOUT_LISTS], ids=["listed", "one by one"]
)


@both_ways
async def test_whose_roles_are_right_shows_no_difference(pool, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await people.unlock(ALICE, "lucky_guess")
    await worker.step()

    [row] = await read(pool, roles, ALICE)

    assert row.seen == row.expected == {"roles": "rank Newcomer, achievement Lucky"}
    assert row.is_there


@both_ways
async def test_a_role_taken_by_hand_is_seen_and_put_back(pool, server, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)

    [row] = await read(pool, roles, ALICE)
    repaired = await repair(pool, roles, row)
    await worker.step()

    assert row.seen == {"roles": "none of our roles"}
    assert row.expected == {"roles": "rank Newcomer"}
    assert repaired.decision == "repaired"
    assert server.roles_of(ALICE) == {NEWCOMER}
    assert "put back after a change by hand" in server.calls(GIVE)[-1].reason


async def test_a_role_given_by_hand_is_seen_and_taken_back(pool, server, roles, worker, people):
    server.platform.administration.give_role(ALICE, BOOSTER)
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.give_role(ALICE, VETERAN)

    [row] = await read(pool, roles, ALICE)
    await repair(pool, roles, row)
    await worker.step()

    assert row.seen == {"roles": "rank Newcomer, rank Veteran"}
    assert server.roles_of(ALICE) == {NEWCOMER, BOOSTER}


async def test_roles_that_are_not_ours_are_nobodys_business(pool, server, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.give_role(ALICE, BOOSTER)

    [row] = await read(pool, roles, ALICE)

    assert row.seen == row.expected


async def test_who_is_about_to_be_shown_something_is_left_out(pool, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    await people.give_xp(ALICE, 25)

    assert await read(pool, roles, ALICE) == []


async def test_who_was_shown_something_during_the_look_is_left_out(
    pool, server, roles, worker, people
):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    [row] = await read(pool, roles, ALICE)

    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        await conn.fetchval("SELECT count(*) FROM surfaces")
        await people.give_xp(ALICE, 25)
        await worker.step()
        assert server.roles_of(ALICE) == {REGULAR}
        assert (await roles.repair(conn, finding(row))).decision == "gone"
        [row] = await roles.read(conn, [ALICE])
    assert row.seen == row.expected == {"roles": "rank Regular"}


async def test_who_is_in_a_workers_hands_is_left_out(pool, server, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.administration.take_role(ALICE, NEWCOMER)
    await pool.execute("UPDATE surfaces SET taken_until = now() + interval '1 minute'")

    assert await read(pool, roles, ALICE) == []


@both_ways
async def test_who_left_wears_nothing_and_that_is_no_drift(pool, server, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    server.platform.people.leave(ALICE)

    gone, there = await read(pool, roles, ALICE, BORIS)

    assert not gone.is_there
    assert gone.seen == gone.expected == {}
    assert there.is_there


@both_ways
async def test_who_came_back_unheard_is_shown_again(pool, server, roles, worker, people):
    await people.give_xp(ALICE, 10)
    await worker.step()
    server.platform.people.leave(ALICE)
    await read(pool, roles, ALICE)
    server.platform.people.join(ALICE)

    assert await read(pool, roles, ALICE) == []
    await worker.step()

    assert server.roles_of(ALICE) == {NEWCOMER}


@pytest.mark.parametrize("privileged", [WITHOUT_LISTS])
async def test_nothing_is_concluded_from_everybody_being_unknown(
    pool, server, roles, worker, people
):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    server.faults.add(Fault("discord", LOOK, 404, code=10007, times=9))

    with pytest.raises(CannotLook, match="not even the bot"):
        await read(pool, roles, ALICE, BORIS)

    assert await pool.fetchval("SELECT count(*) FROM surfaces WHERE parked IS NOT NULL") == 0


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
    pool, server, roles, worker, people, fault
):
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 10)
    await worker.step()
    server.faults.add(fault)

    with pytest.raises(CannotLook):
        await read(pool, roles, ALICE, BORIS)
