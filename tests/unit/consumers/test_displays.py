"""The changes of a member's roles, and for whom a platform's refusal holds. Pure."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import msgspec
import pytest
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetMe

from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from consumers.display.discord_roles import errors as discord_errors
from consumers.display.discord_roles.roles import (
    RoleChanges,
    audit_reason,
    given_roles,
    role_changes,
    wanted_roles,
)
from consumers.display.port import BACKOFF_S_MAX, CannotShow, retry_after_s
from consumers.display.telegram_tags import errors as telegram_errors
from db import surfaces
from db.surfaces.display_visits import Visit

COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-100),
    discord=DiscordSetting(guild_id=1),
    ranks=(
        Rank(name="One", xp=10, discord_role=11),
        Rank(name="Two", xp=20),
        Rank(name="Three", xp=30, discord_role=13),
    ),
    achievements=(
        AchievementSetting(name="lucky", title="Lucky", discord_role=21),
        AchievementSetting(name="silent", title="Silent"),
    ),
)


def test_new_roles_are_given_old_ones_taken_and_foreign_ones_left():
    changes = role_changes(held={11, 99}, wanted={13, 21}, ours={11, 13, 21})

    assert changes == RoleChanges(add=(13, 21), remove=(11,))


def test_nothing_is_done_where_nothing_differs():
    assert not any(role_changes(held={13, 99}, wanted={13}, ours={11, 13}))


@pytest.mark.parametrize(
    ("wanted", "roles"),
    [
        ({}, set()),
        ({"rank": 0}, set()),
        ({"rank": 1}, {11}),
        ({"rank": 2}, set()),  # a rank without a role
        ({"rank": 9}, set()),  # a rank of a longer ladder than this one
        ({"rank": 3, "achievement:lucky": 1}, {13, 21}),
        ({"rank": 3, "achievement:lucky": 0}, {13}),
        ({"achievement:silent": 1, "achievement:unheard_of": 1}, set()),
    ],
)
def test_the_wanted_roles_follow_from_rank_and_achievements(wanted, roles):
    assert wanted_roles(COMMUNITY, wanted) == roles


@pytest.mark.parametrize(
    ("wanted", "roles"),
    [
        ({"rank": 0}, set()),
        ({"rank": 1}, {11}),
        ({"rank": 2}, {11}),
        ({"rank": 3, "achievement:lucky": 1}, {11, 13, 21}),
        ({"rank": 9}, {11, 13}),
    ],
)
def test_stacked_roles_are_those_of_all_lower_ranks_as_well(wanted, roles):
    discord = msgspec.structs.replace(COMMUNITY.discord, rank_roles="stack")
    stacked = msgspec.structs.replace(COMMUNITY, discord=discord)

    assert wanted_roles(stacked, wanted) == roles


def visit(**more) -> Visit:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    known: dict[str, Any] = {
        "member_id": 1,
        "platform": "discord",
        "account_id": 7,
        "wanted": {"rank": 1},
        "shown": {"rank": None},
        "unconfirmed": {"rank": frozenset()},
        "wanted_key": "tg_game_guess_7_1",
        "put_back": False,
        "priority": surfaces.LIVE,
        "attempts": 0,
        "wanted_at": {"rank": moment},
        "taken_until": moment,
    }
    return Visit(**known | more)


@pytest.mark.parametrize(
    ("shown", "unconfirmed", "surely", "perhaps"),
    [
        (None, set(), set(), set()),
        (3, set(), {11, 13}, {11, 13}),
        (None, {1, 3}, {11}, {11, 13}),
        (None, {0, 3}, set(), {11, 13}),
    ],
)
def test_where_it_is_unknown_what_is_shown_only_what_all_visits_gave_is_sure(
    shown, unconfirmed, surely, perhaps
):
    discord = msgspec.structs.replace(COMMUNITY.discord, rank_roles="stack")
    stacked = msgspec.structs.replace(COMMUNITY, discord=discord)
    visited = visit(shown={"rank": shown}, unconfirmed={"rank": frozenset(unconfirmed)})

    assert given_roles(stacked, visited) == (surely, perhaps)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "rank One"),
        ({"wanted": {"rank": 0}}, "no rank"),
        ({"put_back": True, "priority": surfaces.RECONCILE}, "put back after a change by hand"),
        ({"priority": surfaces.LINK}, "accounts were linked"),
        ({"priority": surfaces.BACKFILL}, "the ladder of ranks changed"),
    ],
)
def test_the_audit_log_is_told_why_and_which_event(more, says):
    reason = audit_reason(visit(**more), COMMUNITY)

    assert says in reason
    assert reason.endswith("(tg_game_guess_7_1)")


def test_no_audit_reason_is_longer_than_discord_takes():
    assert len(audit_reason(visit(wanted_key="k" * 900), COMMUNITY)) == 512


def test_only_roles_that_the_file_names_are_ours():
    assert COMMUNITY.discord_roles == {11, 13, 21}


def http_error(kind, status, code=0, text="no"):
    response = SimpleNamespace(headers={}, status=status, reason=text)
    return kind(response, {"code": code, "message": text})


@pytest.mark.parametrize(
    ("error", "everyone", "says"),
    [
        (discord.RateLimited(45.0), True, "asks to wait"),
        (http_error(discord.NotFound, 404, 10007), False, "not a member"),
        (http_error(discord.NotFound, 404, 10013), False, "not a member"),
        (http_error(discord.NotFound, 404, 10004), True, "not in the Discord server"),
        (http_error(discord.Forbidden, 403, 50001), True, "not in the Discord server"),
        (http_error(discord.Forbidden, 403, 60003), True, "forbids it"),
        (http_error(discord.HTTPException, 401), True, "DISCORD_TOKEN"),
        (http_error(discord.HTTPException, 429), True, "asks to wait"),
        (http_error(discord.DiscordServerError, 503), True, "in trouble"),
        (aiohttp.ServerDisconnectedError(), True, "in trouble"),
        (OSError("unreachable"), True, "in trouble"),
    ],
)
def test_what_discords_refusal_means(error, everyone, says):
    refusal = discord_errors.obstacle(error)

    assert refusal.everyone is everyone
    assert says in str(refusal)
    assert refusal.retry_s > 0


def bad_request(text):
    return TelegramBadRequest(method=GetMe(), message=f"Bad Request: {text}")


@pytest.mark.parametrize(
    ("error", "everyone", "says"),
    [
        (TelegramRetryAfter(GetMe(), "flood", retry_after=7), True, "asks to wait"),
        (TelegramUnauthorizedError(GetMe(), "Unauthorized"), True, "TELEGRAM_TOKEN"),
        (TelegramForbiddenError(GetMe(), "Forbidden: bot was kicked"), True, "administrator"),
        (TelegramMigrateToChat(GetMe(), "upgraded", migrate_to_chat_id=-5), True, "chat_id"),
        (bad_request("not enough rights"), True, "Edit Member Tags"),
        (bad_request("chat not found"), True, "check chat_id"),
        (bad_request("user not found"), False, "not in the Telegram group"),
        (bad_request("USER_NOT_PARTICIPANT"), False, "not in the Telegram group"),
        (bad_request("CHAT_CREATOR_REQUIRED"), False, "administrator"),
        (bad_request("ADMIN_RANK_EMOJI_NOT_ALLOWED"), False, "EMOJI_NOT_ALLOWED"),
        (TelegramServerError(GetMe(), "Bad Gateway"), True, "in trouble"),
        (TelegramNetworkError(GetMe(), "reset"), True, "in trouble"),
        (OSError("unreachable"), True, "in trouble"),
    ],
)
def test_what_telegrams_refusal_means(error, everyone, says):
    refusal = telegram_errors.obstacle(error)

    assert refusal.everyone is everyone
    assert says in str(refusal)
    assert refusal.retry_s > 0


def test_telegrams_own_number_of_seconds_is_kept():
    error = TelegramRetryAfter(GetMe(), "flood", retry_after=7)

    assert telegram_errors.obstacle(error).retry_s == 7.0


def test_a_member_whose_visits_keep_failing_is_visited_less_often():
    refusal = CannotShow("did not stick", retry_s=1.0)

    delays = [retry_after_s(refusal, attempts) for attempts in range(12)]

    assert delays[:4] == [1.0, 2.0, 4.0, 8.0]
    assert delays[-1] == BACKOFF_S_MAX


def test_no_wait_is_shorter_than_the_display_asked_for():
    assert retry_after_s(CannotShow("gone", retry_s=3_600), 5) == 3_600
    assert retry_after_s(CannotShow("asks to wait", retry_s=2.0, everyone=True), 30) == 2.0
    assert retry_after_s(CannotShow("for ever", retry_s=1.0), 10**6) == BACKOFF_S_MAX
