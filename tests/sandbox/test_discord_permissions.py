"""The permissions to give roles, as pure rules and in the answers to a bot."""

import pytest

from sandbox.discord_api.errors import ApiError
from sandbox.discord_api.permission_bits import Permission, bits
from sandbox.discord_api.permission_checks import (
    check_grants,
    check_outranks,
    check_role_below,
    check_role_change,
    highest_role,
    permissions_of,
)
from sandbox.discord_api.world import World, seeded_world
from sandbox.errors import SeedError
from tests.support.discord_sandbox import (
    ALICE,
    BOOSTER,
    BOT_ROLE,
    GENERAL,
    GUILD,
    LEGEND,
    LUCKY,
    MODERATOR,
    NEWCOMER,
    REGULAR,
    SEED,
    VERA,
    connected,
    discord,
)

pytest_plugins = ["tests.support.discord_sandbox"]


@pytest.fixture
def world() -> World:
    return seeded_world(SEED)


def refused(check, *arguments) -> int:
    with pytest.raises(ApiError) as error:
        check(*arguments)
    return error.value.code


def test_permissions_add_up_over_everyone_and_the_roles(world):
    guild, alice = world.guild, world.guild.members[ALICE]
    assert Permission.SEND_MESSAGES in permissions_of(guild, alice)
    assert Permission.KICK_MEMBERS not in permissions_of(guild, alice)
    alice.roles.append(MODERATOR)
    assert Permission.KICK_MEMBERS in permissions_of(guild, alice)


def test_an_administrator_and_the_owner_may_do_everything(world):
    guild = world.guild
    guild.roles[NEWCOMER].permissions = bits(["ADMINISTRATOR"])
    guild.members[ALICE].roles.append(NEWCOMER)
    assert Permission.BAN_MEMBERS in permissions_of(guild, guild.members[ALICE])
    assert Permission.BAN_MEMBERS in permissions_of(guild, guild.members[VERA])


def test_of_two_roles_at_one_position_the_older_is_higher(world):
    guild, alice = world.guild, world.guild.members[ALICE]
    guild.roles[REGULAR].position = guild.roles[NEWCOMER].position
    alice.roles = [NEWCOMER, REGULAR]
    assert highest_role(guild, alice).id == NEWCOMER
    check_role_below(guild, alice, guild.roles[REGULAR])
    assert refused(check_role_below, guild, alice, guild.roles[NEWCOMER]) == 50013


@pytest.mark.parametrize(
    ("role_id", "code"),
    [(MODERATOR, 50013), (BOT_ROLE, 50013), (BOOSTER, 50013), (GUILD, 10011)],
    ids=["above the bot", "the bot's own", "managed", "@everyone"],
)
def test_a_role_that_the_bot_cannot_hand_out(world, role_id, code):
    assert refused(check_role_change, world.guild, world.bot, world.guild.roles[role_id]) == code


@pytest.mark.parametrize("role_id", [NEWCOMER, LEGEND, LUCKY])
def test_a_role_below_the_bot_can_be_handed_out(world, role_id):
    check_role_change(world.guild, world.bot, world.guild.roles[role_id])


def test_without_manage_roles_no_role_can_be_handed_out(world):
    world.guild.roles[BOT_ROLE].permissions = 0
    role = world.guild.roles[NEWCOMER]
    assert refused(check_role_change, world.guild, world.bot, role) == 50013


def test_no_member_outranks_the_owner_or_an_equal(world):
    guild, alice = world.guild, world.guild.members[ALICE]
    assert refused(check_outranks, guild, world.bot, guild.members[VERA]) == 50013
    check_outranks(guild, world.bot, alice)
    alice.roles.append(MODERATOR)
    assert refused(check_outranks, guild, world.bot, alice) == 50013


def test_no_member_grants_a_permission_that_they_lack(world):
    check_grants(world.guild, world.bot, bits(["SEND_MESSAGES", "MANAGE_ROLES"]))
    assert refused(check_grants, world.guild, world.bot, bits(["BAN_MEMBERS"])) == 50013
    check_grants(world.guild, world.guild.members[VERA], bits(["BAN_MEMBERS"]))


def test_a_misspelt_permission_in_the_seed_is_an_error():
    with pytest.raises(SeedError, match="MANAGE_ROLE"):
        bits(["MANAGE_ROLE"])


@pytest.mark.parametrize(
    ("user_id", "role_id", "status", "code"),
    [
        (ALICE, MODERATOR, 403, 50013),
        (ALICE, BOOSTER, 403, 50013),
        (ALICE, GUILD, 404, 10011),
        (ALICE, 5, 404, 10011),
        (5, NEWCOMER, 404, 10013),
    ],
)
async def test_the_bot_is_refused_with_the_reason_in_the_code(
    bench, user_id, role_id, status, code
):
    async with connected(bench) as bot:
        with pytest.raises(discord.HTTPException) as refusal:
            await bot.http.add_role(GUILD, user_id, role_id)
        assert (refusal.value.status, refusal.value.code) == (status, code)
        assert bench.calls("gateway GUILD_MEMBER_UPDATE") == []


async def test_the_owner_can_be_given_a_role_but_not_a_nickname(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "MANAGE_ROLES", "MANAGE_NICKNAMES")
    async with connected(bench) as bot:
        await bot.http.add_role(GUILD, VERA, NEWCOMER)
        with pytest.raises(discord.Forbidden) as refusal:
            await bot.http.change_nickname(GUILD, VERA, "V")
        assert refusal.value.code == 50013


async def test_setting_all_roles_must_leave_the_managed_ones(bench):
    bench.platform.administration.give_role(ALICE, BOOSTER)
    async with connected(bench) as bot:
        await bot.http.edit_member(GUILD, ALICE, roles=[BOOSTER, NEWCOMER])
        with pytest.raises(discord.Forbidden) as refusal:
            await bot.http.edit_member(GUILD, ALICE, roles=[NEWCOMER])
        assert refusal.value.code == 50013


async def test_everyone_in_a_list_of_roles_is_passed_over(bench):
    async with connected(bench) as bot:
        answer = await bot.http.edit_member(GUILD, ALICE, roles=[GUILD, NEWCOMER])
        assert answer["roles"] == [str(NEWCOMER)]


async def test_a_role_dragged_above_the_bot_is_out_of_reach_until_it_is_dragged_back(bench):
    administration = bench.platform.administration
    async with connected(bench) as bot:
        administration.move_role(NEWCOMER, above=BOT_ROLE)
        with pytest.raises(discord.Forbidden):
            await bot.http.add_role(GUILD, ALICE, NEWCOMER)
        assert not bot.get_guild(GUILD).get_role(NEWCOMER).is_assignable()
        administration.move_role(NEWCOMER, above=GUILD)
        await bot.http.add_role(GUILD, ALICE, NEWCOMER)


async def test_an_expelled_bot_has_no_access(bench):
    async with connected(bench) as bot:
        bench.platform.administration.kick_bot()
        with pytest.raises(discord.Forbidden) as refusal:
            await bot.http.add_role(GUILD, ALICE, NEWCOMER)
        assert refusal.value.code == 50001
        with pytest.raises(discord.Forbidden):
            await bot.get_partial_messageable(GENERAL).send("hello?")


async def test_roles_are_made_edited_and_deleted_within_the_bots_permissions(bench):
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        role = await guild.create_role(name="Hero", colour=discord.Colour.red())
        assert role.position == 1
        await role.edit(name="Heroine", hoist=True)
        assert (await guild.fetch_role(role.id)).name == "Heroine"
        with pytest.raises(discord.Forbidden):
            await role.edit(permissions=discord.Permissions(ban_members=True))
        await role.delete()
        with pytest.raises(discord.Forbidden):
            await guild.get_role(MODERATOR).delete()
        with pytest.raises(discord.HTTPException) as refusal:
            await bot.http.delete_role(GUILD, BOOSTER)
        assert refusal.value.code == 50028


async def test_members_are_kicked_and_banned_below_the_bot_only(bench):
    bench.platform.administration.set_permissions(BOT_ROLE, "KICK_MEMBERS", "BAN_MEMBERS")
    async with connected(bench) as bot:
        guild = bot.get_guild(GUILD)
        await guild.kick(discord.Object(ALICE), reason="rules")
        await guild.ban(discord.Object(ALICE), reason="rules")
        assert [ban.reason async for ban in guild.bans()] == ["rules"]
        await guild.unban(discord.Object(ALICE))
        with pytest.raises(discord.Forbidden):
            await guild.ban(discord.Object(VERA))
