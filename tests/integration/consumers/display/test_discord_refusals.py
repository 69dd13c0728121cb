"""Hindrances of a role: logged once, never tried, and the role is shown once they are gone."""

import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import NamedTuple

import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from config import Settings
from consumers.display import role as surfaces_module
from consumers.display.role import DisplayRole
from consumers.runtime.resources import Resources
from db.surfaces.observed import seen_again
from db.upkeep import overview
from sandbox import Fault
from tests.support.discord_display import (
    ALICE,
    BOOSTER,
    BORIS,
    BOT_ROLE,
    GIVE,
    GUILD,
    LUCKY,
    NEWCOMER,
    REGULAR,
    TAKE,
    VERA,
    Server,
)
from tests.support.members import MemberDesk
from tests.support.variants import variants

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles.roles import open_role


class Case(NamedTuple):
    """A hindrance of the role of rank 1, and how an operator removes it."""

    told: str
    role_id: int = NEWCOMER
    target: int = ALICE
    spoil: Callable[[Server], object] = lambda server: None
    mend: Callable[[Server], object] | None = None
    """None: by correcting twinstream.toml and starting again."""
    others_wait: bool = False
    only_giving: bool = False


CASES = {
    "missing": Case(
        "does not exist in the server",
        spoil=lambda server: server.platform.administration.delete_role(NEWCOMER),
        only_giving=True,
    ),
    "above the bot": Case(
        "drag 'twinstream' above it",
        spoil=lambda server: server.platform.administration.move_role(NEWCOMER, above=BOT_ROLE),
        mend=lambda server: server.platform.administration.move_role(BOT_ROLE, above=NEWCOMER),
    ),
    "managed": Case("handed out by an integration", role_id=BOOSTER),
    "everybody's": Case("cannot be given", role_id=GUILD, only_giving=True),
    "administrator": Case(
        "take the permission Administrator from it",
        spoil=lambda server: server.platform.administration.set_permissions(
            NEWCOMER, "ADMINISTRATOR"
        ),
        mend=lambda server: server.platform.administration.set_permissions(NEWCOMER),
        only_giving=True,
    ),
    "no Manage Roles": Case(
        "lacks the permission Manage Roles",
        spoil=lambda server: server.platform.administration.set_permissions(BOT_ROLE),
        mend=lambda server: server.platform.administration.set_permissions(
            BOT_ROLE, "MANAGE_ROLES"
        ),
        others_wait=True,
    ),
    "left": Case(
        "is not a member",
        spoil=lambda server: server.platform.people.leave(ALICE),
        mend=lambda server: server.platform.people.join(ALICE),
    ),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Survey at every step, and log every line."""
    monkeypatch.setattr(surfaces_module, "SURVEY_S", 0.0)
    structlog.configure(cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    return server.known_to(settings)


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "discord")


class Roles:
    """The consumers' role, which can be started again with another Discord role for rank 1."""

    def __init__(self, resources: Resources, stack: AsyncExitStack) -> None:
        self._resources = resources
        self._stack = stack

    async def start(self, first_rank_role: int) -> DisplayRole:
        community = self._resources.community
        first = msgspec.structs.replace(community.ranks[0], discord_role=first_rank_role)
        ranks = (first, *community.ranks[1:])
        community = msgspec.structs.replace(community, ranks=ranks)
        return await self._stack.enter_async_context(
            open_role(replace(self._resources, community=community))
        )


@pytest.fixture
async def roles(resources: Resources) -> AsyncIterator[Roles]:
    async with AsyncExitStack() as stack:
        yield Roles(resources, stack)


async def steps(role: DisplayRole, count: int = 4) -> list[str]:
    """Take some steps. Returns the warnings."""
    with capture_logs() as logs:
        for _ in range(count):
            await role.step()
    return [line["why"] for line in logs if line["log_level"] == "warning"]


async def see_again(pool, user_id: int) -> None:
    async with pool.acquire() as conn:
        await seen_again(conn, "discord", user_id)


@pytest.mark.parametrize("name", CASES)
async def test_a_role_that_cannot_be_given(name, roles, server, people, pool):
    case = CASES[name]
    case.spoil(server)
    role = await roles.start(case.role_id)
    await people.give_xp(ALICE, 10)
    await people.give_xp(BORIS, 30)

    [warning] = await steps(role)

    assert case.told in warning
    assert server.refusals() == []
    assert server.roles_of(BORIS) == (set() if case.others_wait else {REGULAR})
    if name == "missing":
        role = await roles.start(LUCKY)
    elif case.mend is None:
        role = await roles.start(NEWCOMER)
    else:
        case.mend(server)
    await see_again(pool, ALICE)
    assert await steps(role) == []
    assert len(server.roles_of(ALICE)) == 1
    assert await people.error(ALICE) is None
    assert server.refusals() == []


@pytest.mark.parametrize(
    "name",
    variants(((name, (name,)) for name in CASES), every_day=("missing", "above the bot", "left")),
)
async def test_a_role_that_cannot_be_taken(name, roles, server, people, pool):
    case = CASES[name]
    if case.role_id != GUILD:
        server.platform.administration.give_role(ALICE, case.role_id)
    await people.give_xp(ALICE, 10)
    await people.give_xp(ALICE, -5)
    case.spoil(server)
    role = await roles.start(case.role_id)

    [warning] = await steps(role)

    assert case.told in warning
    assert server.refusals() == []
    if case.only_giving:
        assert await people.error(ALICE) is None
        return
    if case.mend is None:
        role = await roles.start(NEWCOMER)
    else:
        assert server.calls(TAKE) == []
        case.mend(server)
    await see_again(pool, ALICE)
    assert await steps(role) == []
    assert await people.error(ALICE) is None
    assert server.roles_of(ALICE) in (set(), {BOOSTER})
    assert server.refusals() == []


async def test_an_owner_is_given_and_denied_roles_like_any_member(roles, server, people):
    role = await roles.start(NEWCOMER)
    await people.give_xp(VERA, 10)
    assert await steps(role) == []
    assert NEWCOMER in server.roles_of(VERA)

    await people.give_xp(VERA, -5)
    assert await steps(role) == []
    assert NEWCOMER not in server.roles_of(VERA)
    assert server.refusals() == []


async def test_what_changes_between_two_surveys_costs_one_refusal(
    roles, server, people, pool, monkeypatch
):
    monkeypatch.setattr(surfaces_module, "SURVEY_S", 3_600.0)
    role = await roles.start(NEWCOMER)
    await role.step()
    server.platform.administration.move_role(NEWCOMER, above=BOT_ROLE)
    newcomers = [server.platform.people.join(name=f"newcomer {n}") for n in range(5)]
    for user_id in newcomers:
        await people.give_xp(user_id, 10)

    [warning] = await steps(role)

    assert "drag 'twinstream' above it" in warning
    assert len(server.refusals()) == 1
    assert [await people.error(user_id) for user_id in newcomers] == [warning] * 5
    assert [one.error for one in await overview.parked(pool)] == [warning]
    server.platform.administration.move_role(BOT_ROLE, above=NEWCOMER)
    monkeypatch.setattr(surfaces_module, "SURVEY_S", 0.0)
    role._next_survey = 0.0
    assert await steps(role) == []
    assert all(server.roles_of(user_id) == {NEWCOMER} for user_id in newcomers)


async def test_a_refused_role_has_the_reason_that_concerns_all_roles_until_that_is_gone(
    roles, server, people, monkeypatch
):
    monkeypatch.setattr(surfaces_module, "SURVEY_S", 3_600.0)
    role = await roles.start(NEWCOMER)
    server.platform.administration.move_role(REGULAR, above=BOT_ROLE)
    await people.give_xp(BORIS, 30)
    await role.step()
    above = await people.error(BORIS)
    server.platform.administration.set_permissions(BOT_ROLE)
    await people.give_xp(ALICE, 10)
    await steps(role)

    assert "drag 'twinstream' above it" in above
    assert "lacks the permission Manage Roles" in await people.error(ALICE)
    assert await people.error(BORIS) == above

    server.platform.administration.set_permissions(BOT_ROLE, "MANAGE_ROLES")
    monkeypatch.setattr(surfaces_module, "SURVEY_S", 0.0)
    role._next_survey = 0.0
    await steps(role)
    assert server.roles_of(ALICE) == {NEWCOMER}
    assert await people.error(ALICE) is None
    assert await people.error(BORIS) == above


async def test_a_process_that_starts_says_what_an_earlier_one_did_not_know(
    roles, server, people, monkeypatch
):
    monkeypatch.setattr(surfaces_module, "SURVEY_S", 3_600.0)
    role = await roles.start(NEWCOMER)
    await role.step()
    server.platform.administration.move_role(NEWCOMER, above=BOT_ROLE)
    await people.give_xp(ALICE, 10)
    await role.step()
    assert "Missing Permissions" in await people.error(ALICE)

    await (await roles.start(NEWCOMER)).step()

    assert "drag 'twinstream' above it" in await people.error(ALICE)
    assert len(server.refusals()) == 1


async def test_an_unexpected_refusal_rests_its_role_and_no_other(roles, server, people):
    refused = Fault("discord", GIVE, 403, times=2, code=50013, description="Missing Permissions")
    server.faults.add(refused)
    role = await roles.start(NEWCOMER)
    await people.give_xp(ALICE, 10)

    [warning] = await steps(role)
    await people.give_xp(BORIS, 30)
    await steps(role)

    assert "Missing Permissions" in warning
    assert len(server.refusals()) == 2
    assert server.roles_of(ALICE) == set()
    assert server.roles_of(BORIS) == {REGULAR}


async def test_a_member_who_cannot_be_given_the_new_role_keeps_the_old_one(roles, server, people):
    role = await roles.start(NEWCOMER)
    await people.give_xp(ALICE, 10)
    await steps(role, 1)
    server.platform.administration.move_role(REGULAR, above=BOT_ROLE)
    await people.give_xp(ALICE, 25)

    await steps(role)
    assert server.roles_of(ALICE) == {NEWCOMER}
    server.platform.administration.move_role(BOT_ROLE, above=REGULAR)
    await steps(role)

    assert server.roles_of(ALICE) == {REGULAR}


async def test_a_user_who_left_is_visited_once_however_much_they_earn_elsewhere(
    roles, server, people
):
    role = await roles.start(NEWCOMER)
    server.platform.people.leave(ALICE)
    await people.give_xp(ALICE, 10)
    await steps(role)
    await people.give_xp(ALICE, 25)
    await people.unlock(ALICE, "lucky_guess")
    await steps(role)

    assert server.looks_at(ALICE) == 1
