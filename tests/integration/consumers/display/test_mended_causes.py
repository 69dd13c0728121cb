"""An operator removes a cause: display goes on within seconds. A stray refusal rests nothing."""

import dataclasses
import warnings
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from config import Settings
from config.community import TelegramSetting
from consumers.display.role import SURVEY_HINDERED_S, DisplayRole
from consumers.display.telegram_tags.tags import open_role as open_tags
from consumers.runtime.runner import NotYet
from db.upkeep import overview
from sandbox import Fault
from tests.support.discord_display import ALICE as DISCORD_ALICE
from tests.support.discord_display import GIVE, NEWCOMER, Server
from tests.support.members import MemberDesk
from tests.support.telegram_display import ALICE, BORIS, LOOK, SET, Group

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from consumers.display.discord_roles.hierarchy import NOT_IN_SERVER
    from consumers.display.discord_roles.roles import STRAY_REST_S, open_role, rest_s


@pytest.fixture(autouse=True)
def uncached_loggers():
    """capture_logs changes the configuration, which a cached logger would not see."""
    structlog.configure(cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


@pytest.fixture
def settings(settings: Settings, group: Group, server: Server) -> Settings:
    return server.known_to(group.known_to(settings))


@pytest.fixture
async def tags(resources) -> AsyncIterator[DisplayRole]:
    async with open_tags(resources) as role:
        yield role


@pytest.fixture
async def roles(resources) -> AsyncIterator[DisplayRole]:
    async with open_role(resources) as role:
        yield role


@pytest.fixture
def people(pool) -> MemberDesk:
    return MemberDesk(pool, "telegram")


@pytest.fixture
def on_discord(pool) -> MemberDesk:
    return MemberDesk(pool, "discord")


async def later(role: DisplayRole, people: MemberDesk, seconds: float) -> None:
    """Let the role take a step `seconds` later."""
    before = role._clock
    role._clock = lambda: before() + seconds
    await people.retry_now()
    await role.step()


def kick(group: Group) -> None:
    group.platform.people.set_bot("kicked")


def lose_the_rights(group: Group) -> None:
    group.platform.people.set_bot("administrator", frozenset())


@pytest.mark.parametrize("spoil", [kick, lose_the_rights])
async def test_tags_go_on_within_seconds_after_the_bot_may_write_again(
    tags, group, people, spoil: Callable[[Group], None]
):
    await people.give_xp(ALICE, 10)
    await tags.step()
    spoil(group)
    await people.give_xp(ALICE, 25)
    await people.give_xp(BORIS, 10)
    await tags.step()
    await later(tags, people, SURVEY_HINDERED_S)
    assert await people.retry_in_s(ALICE) <= SURVEY_HINDERED_S

    group.platform.people.set_bot("administrator")
    await later(tags, people, SURVEY_HINDERED_S)

    assert (group.tag_of(ALICE), group.tag_of(BORIS)) == ("Regular", "Newcomer")


async def test_tags_go_on_at_once_after_a_restart_with_the_right_chat(resources, group, people):
    unknown = TelegramSetting(chat_id=-1009999999999)
    wrong = msgspec.structs.replace(resources.community, telegram=unknown)
    async with open_tags(dataclasses.replace(resources, community=wrong)) as role:
        await people.give_xp(ALICE, 10)
        await role.step()
    assert group.tag_of(ALICE) == ""

    async with open_tags(resources) as role:
        await role.step()

    assert group.tag_of(ALICE) == "Newcomer"
    assert await people.error(ALICE) is None


async def test_roles_go_on_within_seconds_after_the_bot_was_invited_again(
    roles, server, on_discord
):
    await roles.step()
    server.faults.add(Fault("discord", "*", 403, times=4, code=50001))
    await on_discord.give_xp(DISCORD_ALICE, 10)
    await roles.step()
    await later(roles, on_discord, SURVEY_HINDERED_S)
    server.faults.clear()

    await later(roles, on_discord, SURVEY_HINDERED_S)

    assert server.roles_of(DISCORD_ALICE) == {NEWCOMER}


@pytest.mark.parametrize("is_trouble", [False, True])
async def test_the_screen_names_roles_that_waited_for_the_bot_for_two_minutes(
    pool, resources, server, on_discord, is_trouble
):
    """No visit is tried meanwhile, so no refusal of a visit says why."""
    await on_discord.give_xp(DISCORD_ALICE, 10)
    await pool.execute("UPDATE surfaces SET wanted_at = now() - interval '130 s'")
    async with open_role(resources) as role:
        if is_trouble:
            server.faults.add(Fault("discord", "*", 400, times=1000))
        else:
            server.platform.administration.kick_bot()
        await role.step()

        (late,) = await overview.put_off(pool)
        assert (late.platform, late.surfaces) == ("discord", 1)
        assert late.error.startswith("Discord is in trouble" if is_trouble else NOT_IN_SERVER)
        assert not server.calls(GIVE)

    # Another process finds the cause gone, and has nobody to visit yet.
    await pool.execute("UPDATE surfaces SET retry_at = now() + interval '1 h'")
    server.faults.clear()
    if not is_trouble:
        server.platform.administration.invite_bot()
    async with open_role(resources) as role:
        await role.step()
        assert await overview.put_off(pool) == []
        await later(role, on_discord, SURVEY_HINDERED_S)

    assert server.roles_of(DISCORD_ALICE) == {NEWCOMER}


async def test_a_refused_visit_has_the_reason_that_the_next_survey_finds(tags, group, people):
    await people.give_xp(ALICE, 10)
    await tags.step()
    lose_the_rights(group)
    await people.give_xp(ALICE, 25)
    await tags.step()
    assert "Telegram forbids it" in (await people.error(ALICE) or "")

    await later(tags, people, SURVEY_HINDERED_S)

    assert (await people.error(ALICE) or "").startswith("the bot lacks the right to edit member")


async def test_the_reason_of_a_single_member_outlives_one_of_the_whole_server(
    roles, server, on_discord, pool
):
    await roles.step()
    await on_discord.give_xp(DISCORD_ALICE, 10)
    await pool.execute(
        "UPDATE surfaces SET error = 'has not passed', attempts = 1, retry_at = now() + '1 h'"
    )
    server.platform.administration.kick_bot()
    roles._next_survey = 0.0
    await roles.step()

    assert await on_discord.error(DISCORD_ALICE) == "has not passed"


async def test_refusals_of_all_visits_that_no_survey_explains_become_rare(tags, group, people):
    """Else the bot would collect a refusal every ten seconds for as long as that lasts."""
    group.faults.add(
        Fault("telegram", SET, 400, times=100, description="Bad Request: not enough rights")
    )
    await people.give_xp(ALICE, 10)
    await tags.step()
    for _ in range(20):
        await later(tags, people, 10.0)

    assert len(group.calls(SET)) <= 6


async def test_a_role_is_tried_again_after_one_stray_refusal(roles, server, on_discord):
    server.faults.add(Fault("discord", GIVE, 403, code=50013, description="Missing Permissions"))
    await on_discord.give_xp(DISCORD_ALICE, 10)

    await roles.step()
    await roles.step()

    assert server.roles_of(DISCORD_ALICE) == {NEWCOMER}


async def test_a_role_that_is_refused_again_and_again_rests_longer_and_longer(
    roles, server, on_discord
):
    server.faults.add(Fault("discord", GIVE, 403, times=9, code=50013, description="Missing"))
    await on_discord.give_xp(DISCORD_ALICE, 10)

    for _ in range(6):
        await later(roles, on_discord, 0.1)

    assert len(server.calls(GIVE)) == 2
    assert [rest_s(n) for n in (1, 2, 3, 99)] == [0.0, STRAY_REST_S, 2 * STRAY_REST_S, 300.0]


async def test_a_limit_of_the_proxy_before_discord_is_waited_for_as_long_as_it_says(
    roles, server, on_discord
):
    server.faults.add(Fault("discord", GIVE, 429, retry_after=120, description="cloudflare"))
    await on_discord.give_xp(DISCORD_ALICE, 10)

    await roles.step()

    assert "asks to wait" in (await on_discord.error(DISCORD_ALICE) or "")
    assert await on_discord.retry_in_s(DISCORD_ALICE) > 100


async def test_a_login_waits_as_long_as_the_proxy_before_discord_says(resources, server):
    server.faults.add(
        Fault("discord", "GET /users/@me", 429, retry_after=120, description="cloudflare")
    )

    with pytest.raises(NotYet) as refused:
        async with open_role(resources):
            pass

    assert refused.value.retry_s == 120


async def test_tags_follow_the_group_to_its_new_id_and_say_so_once(tags, group, people):
    await people.give_xp(ALICE, 10)
    await tags.step()
    moved = group.platform.people.migrate()
    await people.give_xp(ALICE, 25)
    await people.give_xp(BORIS, 10)

    with capture_logs() as logs:
        await tags.step()

    assert (group.tag_of(ALICE), group.tag_of(BORIS)) == ("Regular", "Newcomer")
    [line] = [line for line in logs if line["log_level"] in ("warning", "error")]
    assert line["event"] == "chat.migrated"
    assert f"set chat_id = {moved} in [telegram] of twinstream.toml" in line["why"]
    refused = [call for call in group.calls(LOOK) if call.status == 400]
    assert len(refused) == 1
