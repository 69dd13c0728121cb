"""Rate limits: the arithmetic, and the reaction of the real client to the answers."""

import time

import aiohttp
import pytest

from sandbox import Fault, Rate
from sandbox.discord_api import DiscordLimits
from sandbox.discord_api.rate_limits import Buckets
from tests.support.discord_sandbox import (
    ALICE,
    BORIS,
    GENERAL,
    GUILD,
    LUCKY,
    MEMBER_ROLE,
    NEWCOMER,
    TOKEN,
    Bot,
    connected,
    discord,
    listening,
    new_bench,
)

pytest_plugins = ["tests.support.discord_sandbox"]

PUT_ROLE, DELETE_ROLE = f"PUT {MEMBER_ROLE}", f"DELETE {MEMBER_ROLE}"
HERE = {"guild_id": "1", "user_id": "7", "role_id": "8"}
ELSEWHERE = {"guild_id": "2", "user_id": "7", "role_id": "8"}
ROOMY = DiscordLimits(everything=Rate(1000, 1.0))


class Time:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def buckets(limits: DiscordLimits = ROOMY) -> tuple[Buckets, Time]:
    clock = Time()
    return Buckets(limits, clock, lambda: 1_700_000_000.0), clock


def write(some: Buckets, path: dict[str, str], route: str = PUT_ROLE) -> float:
    return some.take(route, path, rate="role_writes").retry_after


def test_role_writes_of_a_guild_share_ten_in_ten_seconds():
    some, clock = buckets()
    assert [write(some, HERE) for _ in range(10)] == [0.0] * 10
    assert write(some, HERE | {"user_id": "9"}, DELETE_ROLE) == 10.0
    assert write(some, ELSEWHERE) == 0.0
    clock.now += 10
    assert write(some, HERE) == 0.0


def test_headers_tell_the_calls_that_are_left():
    some, clock = buckets()
    some.take(PUT_ROLE, HERE, rate="role_writes")
    clock.now += 4
    headers = some.take(DELETE_ROLE, HERE, rate="role_writes").headers
    assert headers["X-RateLimit-Limit"] == "10"
    assert headers["X-RateLimit-Remaining"] == "8"
    assert headers["X-RateLimit-Reset-After"] == "6.000"
    assert headers["X-RateLimit-Reset"] == "1700000006.000"
    other = some.take("GET /users/@me", {}).headers
    assert other["X-RateLimit-Bucket"] != headers["X-RateLimit-Bucket"]


def test_the_global_limit_counts_all_but_interactions():
    some, clock = buckets(DiscordLimits(everything=Rate(2, 1.0)))
    assert some.take("GET /users/@me", {}).retry_after == 0.0
    assert some.take("GET /gateway", {}).retry_after == 0.0
    refused = some.take("GET /gateway/bot", {})
    assert (refused.retry_after, refused.scope) == (1.0, "global")
    assert some.take("POST /interactions/...", {}, counted=False).retry_after == 0.0
    clock.now += 1
    assert some.take("GET /gateway/bot", {}).retry_after == 0.0


def test_too_many_errors_are_a_ban():
    some, _ = buckets(DiscordLimits(invalid_requests=Rate(3, 600.0)))
    for _ in range(3):
        assert some.take("GET /users/@me", {}).scope == "user"
        some.count_invalid()
    banned = some.take("GET /users/@me", {})
    assert (banned.retry_after, banned.scope) == (600.0, "cloudflare")


def test_scaled_limits_have_shorter_windows():
    scaled = DiscordLimits().scaled(0.1)
    assert scaled.role_writes == Rate(10, 1.0)
    assert scaled.member_requests == Rate(1, 3.0)


async def test_the_client_stays_within_a_bucket_without_a_single_refusal():
    limits = ROOMY._replace(role_writes=Rate(10, 0.5))
    async with listening(new_bench(limits=limits)) as bench, connected(bench) as bot:
        started = time.monotonic()
        for turn in range(21):
            write = bot.http.remove_role if turn % 2 else bot.http.add_role
            await write(GUILD, ALICE if turn % 3 else BORIS, LUCKY)
        assert time.monotonic() - started > 0.9
        calls = bench.calls(PUT_ROLE) + bench.calls(DELETE_ROLE)
        assert [call.status for call in calls] == [204] * 21


async def test_an_empty_bucket_refuses_with_the_seconds_to_wait(bench):
    url = f"{bench.platform.api_base}/channels/{GENERAL}/messages"
    headers = {"Authorization": f"Bot {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        statuses = []
        for number in range(6):
            response = await http.post(url, json={"content": str(number)})
            statuses.append(response.status)
        assert statuses == [200] * 5 + [429]
        body = await response.json()
        assert 0 < body["retry_after"] <= 0.1
        assert not body["global"]
        assert response.headers["X-RateLimit-Scope"] == "user"
        assert response.headers["X-RateLimit-Remaining"] == "0"
        assert response.headers["Via"]


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
async def test_the_client_waits_out_an_ordered_429(bench, scope):
    fault = Fault("discord", PUT_ROLE, 429, retry_after=0.2, description=scope)
    async with connected(bench) as bot:
        bench.faults.add(fault)
        started = time.monotonic()
        await bot.http.add_role(GUILD, ALICE, NEWCOMER)
        assert time.monotonic() - started >= 0.2
        assert [call.status for call in bench.calls(PUT_ROLE)] == [429, 204]


async def test_a_global_429_says_so_in_body_and_headers(bench):
    bench.faults.add(Fault("discord", "GET /gateway", 429, retry_after=0.3, description="global"))
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {TOKEN}"}) as http:
        response = await http.get(f"{bench.platform.api_base}/gateway")
        assert response.headers["X-RateLimit-Global"] == "true"
        assert response.headers["X-RateLimit-Scope"] == "global"
        body = await response.json()
    assert (body["global"], body["retry_after"]) == (True, 0.3)


async def test_a_long_429_is_raised_by_a_client_that_does_not_wait(bench):
    async with connected(bench, Bot(max_ratelimit_timeout=30)) as bot:
        bench.faults.add(Fault("discord", PUT_ROLE, 429, retry_after=45))
        with pytest.raises(discord.RateLimited) as refusal:
            await bot.http.add_role(GUILD, ALICE, NEWCOMER)
        assert refusal.value.retry_after == 45


async def test_a_429_without_via_is_a_ban_and_not_tried_again(bench):
    async with connected(bench) as bot:
        bench.faults.add(Fault("discord", PUT_ROLE, 429, description="cloudflare"))
        with pytest.raises(discord.HTTPException) as refusal:
            await bot.http.add_role(GUILD, ALICE, NEWCOMER)
        assert refusal.value.status == 429
        assert len(bench.calls(PUT_ROLE)) == 1


def test_reactions_take_one_in_a_quarter_of_a_second_in_each_channel():
    some, clock = buckets()
    reaction = "PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me"
    here, elsewhere = {"channel_id": "1"}, {"channel_id": "2"}
    assert some.take(reaction, here, rate="reactions").retry_after == 0.0
    assert some.take(reaction, here, rate="reactions").retry_after == 0.25
    assert some.take(reaction, elsewhere, rate="reactions").retry_after == 0.0
    clock.now += 0.25
    assert some.take(reaction, here, rate="reactions").retry_after == 0.0


def test_the_answers_to_each_interaction_have_a_bucket_of_their_own():
    some, _ = buckets(DiscordLimits(webhooks=Rate(1, 10.0)))
    follow_up = "POST /webhooks/{webhook_id}/{webhook_token}"

    def wait(token: str) -> float:
        path = {"webhook_id": "7", "webhook_token": token}
        return some.take(follow_up, path, rate="webhooks", counted=False).retry_after

    assert [wait("a"), wait("a"), wait("b")] == [0.0, 10.0, 0.0]


async def test_a_client_reacts_at_the_pace_of_the_bucket_without_a_refusal(bench):
    async with connected(bench) as bot:
        message = await bot.get_channel(GENERAL).send("react!")
        for emoji in ("\N{FIRE}", "\N{THUMBS UP SIGN}", "\N{BROKEN HEART}"):
            await message.add_reaction(emoji)
        calls = bench.calls(
            "PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me"
        )
        assert [call.status for call in calls] == [204] * 3
