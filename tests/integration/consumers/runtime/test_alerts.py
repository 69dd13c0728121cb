"""Every alert of deploy/ fires when its condition is brought about, at the first occurrence."""

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY, generate_latest

import bots.runtime.metrics as bot_metrics
from bots.runtime.metrics import CountingPublisher
from bus import BusError, Client, Source, connect
from config.community import StoreSetting, StoreSettings
from consumers.reconcile.role import Reconcile
from consumers.runtime import metrics
from consumers.runtime.gauges import Gauges
from consumers.runtime.resources import Resources
from consumers.runtime.runner import Backoff
from consumers.settling.role import Settling
from db import Producer, open_stores
from db.earning import Earning, Earnings, Rules
from db.stop_signs import OBEYED
from launch.servers import free_port
from sandbox import Fault
from tests.support import alert_rules
from tests.support.alert_rules import Labels, Sample, fires, lasting, rules, scraped
from tests.support.discord_display import ALICE, GIVE, Server
from tests.support.members import MemberDesk
from tests.support.reconcile import a_pass, ended, let_everything_arrive, opened
from tests.support.settling import Desk, xp_payload

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from bots.discord_bot.unreadable_gateway_events import guard_parsers
    from consumers.display.discord_roles.roles import open_role as open_display

HOUR_S = 3_600
#: A promtool that judges every sample as well, if it is given: some seconds for each alert.
PROMTOOL = os.environ.get("TWINSTREAM_TEST_PROMTOOL")

STARTED = ("process_start_time_seconds", frozenset[tuple[str, str]]())

Figures = Mapping[tuple[str, Labels], float]


def figures() -> Figures:
    return scraped(generate_latest(REGISTRY).decode())


def judge(name: str, before: Figures, after: Figures) -> None:
    """Assert that the alert was silent, and fires when one scrape has seen the condition."""
    cases = judged(name, before, after)
    for rule, samples, expected in cases:
        assert fires(rule, samples) is expected, f"{name}, expected to fire: {expected}"
    judge_with_promtool(cases)


def judged(name: str, before: Figures, after: Figures) -> list[Any]:
    rule = rules()[name]
    now = time.time()
    until_s = now + rule.lasting_s + 300
    calm, alarmed = only(rule, before), only(rule, after)
    # Often at the end as well, for rules that look back for a few minutes.
    calm_until_now = lasting(calm, begin_s=now - 2 * HOUR_S, upto_s=now - 121)
    calm_until_now += lasting(calm, begin_s=now - 120, upto_s=now - 1)
    cases = [
        (rule, calm_until_now + lasting(calm, begin_s=now, upto_s=until_s), False),
        (rule, calm_until_now + lasting(alarmed, begin_s=now, upto_s=until_s), True),
    ]
    if "increase" in rule.expr:
        # It happened right before Prometheus first asked the process, and long before that.
        fresh = {**alarmed, STARTED: now - 5}
        cases.append((rule, lasting(fresh, begin_s=now, upto_s=until_s), True))
        cases.append((rule, lasting(alarmed, begin_s=now, upto_s=until_s), False))
    return cases


def only(rule: alert_rules.Rule, of: Figures) -> Figures:
    """Return the figures that a rule reads, of a process that began long ago."""
    names = alert_rules.NAMES.findall(rule.expr)
    found = {key: value for key, value in of.items() if key[0] in names}
    return found | ({STARTED: time.time() - 3 * HOUR_S} if STARTED[0] in names else {})


def judge_with_promtool(cases: list[Any]) -> None:
    """Let Prometheus's own tool judge the same samples, where the environment names it."""
    if PROMTOOL is None:
        return
    done = subprocess.run(
        [PROMTOOL, "test", "rules", "/dev/stdin"],
        input=json.dumps(alert_rules.promtool_test(cases)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(autouse=True)
def fresh_figures() -> None:
    """Other tests of this process have counted as well."""
    for module in (metrics, bot_metrics):
        for value in vars(module).values():
            if getattr(value, "_labelnames", ()):
                value.clear()
    metrics.begin_at_zero()
    bot_metrics.begin_at_zero()


@pytest.fixture
async def gauges(resources: Resources) -> Gauges:
    return Gauges(resources)


@pytest.fixture
async def role(resources: Resources) -> AsyncIterator[Reconcile]:
    async with opened(resources) as role:
        yield role


async def test_a_process_that_does_not_answer():
    up = ("up", frozenset({("job", "twinstream"), ("instance", "consumers:9100")}))
    judge("TwinstreamProcessDown", {up: 1.0}, {up: 0.0})


async def test_a_server_that_is_away(gauges: Gauges):
    await gauges.step()
    before = figures()
    away = connect(f"redis://127.0.0.1:{free_port()}/0", name="test")
    gauges._redis = away

    await gauges.step()

    judge("TwinstreamServerDown", before, figures())
    await away.aclose()


async def test_an_entry_that_waits_and_one_whose_id_is_ahead(gauges: Gauges, desk: Desk):
    await gauges.step()
    before = figures()
    cases: list[tuple[str, Source, int]] = [
        ("TwinstreamFallingBehind", "telegram", -HOUR_S),
        ("TwinstreamStreamAheadOfClock", "discord", HOUR_S),
    ]
    for name, stream, away_s in cases:
        entry_id = f"{int((time.time() + away_s) * 1_000)}-0"
        await desk.redis.xadd(desk.keys.stream(stream), {"e": xp_payload(1)}, id=entry_id)
        await gauges.step()
        judge(name, before, figures())


async def test_a_stream_that_another_program_holds(
    resources: Resources, gauges: Gauges, desk: Desk
):
    await gauges.step()
    before = figures()
    await desk.redis.xgroup_create(desk.keys.stream("telegram"), "audit", id="1000-0")
    await desk.add("telegram", xp_payload(1))
    await Settling("telegram", resources).step()

    await gauges.step()

    judge("TwinstreamStreamHeld", before, figures())


async def test_the_first_entry_that_is_buried_deleted_or_lost(
    resources: Resources, desk: Desk, producer: Producer
):
    before = figures()
    role = Settling("telegram", resources)
    await desk.add("telegram", b"no event")
    await role.step()
    judge("TwinstreamEntryBuried", before, figures())

    stream, group = desk.keys.subscription("telegram")
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game", entity_id="1"
    )
    await producer.close()
    await desk.redis.xreadgroup(group, "to-discord-1", {stream: ">"})
    await desk.redis.xtrim(stream, maxlen=0, approximate=False)
    deleted = ("twinstream_entries_deleted_total", frozenset({("source", "telegram")}))
    while figures()[deleted] == before[deleted]:  # the reader looks for them between other duties
        await role.step()
    judge("TwinstreamEntriesDeleted", before, figures())

    assert await resources.rebuild.look_for_lost("telegram") == 1
    judge("TwinstreamRedisLostData", before, figures())


def test_a_platform_that_does_not_answer_its_bot():
    bot_metrics.CONNECTED.labels("discord").set(1)
    before = figures()
    bot_metrics.CONNECTED.labels("discord").set(0)

    judge("TwinstreamBotDisconnected", before, figures())


async def test_a_role_that_waits(stop: asyncio.Event):
    backoff = Backoff("relay", stop)
    backoff.reset()
    before = figures()
    stop.set()
    await backoff.wait(ConnectionError("away"))

    judge("TwinstreamRoleWaiting", before, figures())


async def test_a_bot_that_cannot_publish_and_one_that_cannot_read(
    resources: Resources, desk: Desk, redis: Client
):
    before = figures()
    await redis.delete(desk.keys.stream("telegram"))
    with pytest.raises(BusError):
        await CountingPublisher(resources.publisher).publish("telegram", [xp_payload(1)])
    judge("TwinstreamProducersLeaveEventsToRelay", before, figures())

    parsers: dict[str, Any] = {"MESSAGE_UPDATE": lambda data: data["new"]}
    guard_parsers(SimpleNamespace(_connection=SimpleNamespace(parsers=parsers)))  # type: ignore[arg-type]
    parsers["MESSAGE_UPDATE"]({})
    judge("TwinstreamUpdatesSkipped", before, figures())


#: Seconds for which Redis is away below, and the moment at which it goes.
AWAY_S = 41
GONE_AT_S = 600

#: Seconds between two events of a bot, whether Redis comes back, whether Redis refuses this bot
#: alone, and whether the alert fires.
BOTS_AND_OUTAGES = {
    "a short outage, a busy bot": (5, AWAY_S, False, False),
    "a short outage, a bot with an event every three minutes": (180, AWAY_S, False, False),
    "a short outage, the first event for long and the last": (10_000, AWAY_S, False, False),
    "a long outage, a busy bot": (5, 1_200, False, True),
    "a long outage, a bot with an event every ten minutes": (600, 1_200, False, True),
    "a busy bot that is refused for a short time": (5, AWAY_S, True, False),
    "a bot that is refused": (5, 1_200, True, True),
    "a bot that is refused, one event": (10_000, 1_200, True, True),
}


def publishing(every_s: int, away_s: int, *, is_refused: bool) -> list[Sample]:
    """Samples of a bot that publishes rarely or often, of which Redis takes nothing for a while."""
    bot = frozenset({("source", "telegram"), ("instance", "telegram-bot:9101")})
    server = frozenset({("server", "redis"), ("instance", "consumers:9100")})
    samples = []
    for at_s in range(0, GONE_AT_S + away_s + 900, alert_rules.SCRAPE_S):
        # The first event within the outage comes five seconds after its beginning.
        begin_s = (GONE_AT_S + 5) % every_s
        events = range(begin_s, at_s + 1, every_s)
        left = sum(GONE_AT_S <= one < GONE_AT_S + away_s for one in events)
        # The consumers look every ten seconds.
        is_away = GONE_AT_S <= at_s // 10 * 10 < GONE_AT_S + away_s and not is_refused
        figures = {
            ("twinstream_events_left_to_relay_total", bot): float(left),
            ("twinstream_events_published_total", bot): float(len(events) - left),
            ("twinstream_server_up", server): float(not is_away),
            ("process_start_time_seconds", bot - {("source", "telegram")}): -10_000.0,
        }
        samples.append(Sample(at_s, figures))
    return samples


@pytest.mark.parametrize(
    ("every_s", "away_s", "is_refused", "expected"),
    BOTS_AND_OUTAGES.values(),
    ids=BOTS_AND_OUTAGES,
)
def test_events_are_told_as_left_to_the_relay_only_while_they_are(
    every_s, away_s, is_refused, expected
):
    rule = rules()["TwinstreamProducersLeaveEventsToRelay"]
    samples = publishing(every_s, away_s, is_refused=is_refused)

    assert fires(rule, samples) is expected
    judge_with_promtool([(rule, samples, expected)])


async def test_a_bot_that_loses_what_members_earned(resources: Resources):
    before = figures()
    rules = Rules(window_s=3_600.0, zone=UTC)
    earnings = Earnings(
        resources.pool,
        "telegram",
        rules,
        on_outcome=lambda outcome: bot_metrics.EARNINGS.labels("telegram", outcome).inc(),
    )
    lost = earnings.earn(Earning(0, "messages", 1, datetime.now(UTC), 0.0, 1))  # no account has 0
    with pytest.raises(asyncio.CancelledError):
        await lost
    judge("TwinstreamEarningsDropped", before, figures())


async def test_a_bot_that_loses_many_reactions():
    before = figures()
    bot_metrics.REACTIONS_DROPPED.labels("discord").inc(10)
    for rule, samples, _ in judged("TwinstreamEarningsDropped", before, figures()):
        assert not fires(rule, samples)

    bot_metrics.REACTIONS_DROPPED.labels("discord").inc(11)
    judge("TwinstreamEarningsDropped", before, figures())


async def test_roles_that_are_not_shown_and_those_that_wait_for_a_cause(
    gauges: Gauges, pool, producer: Producer
):
    await gauges.step()
    before = figures()
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game", entity_id="1"
    )
    await gauges.step()
    judge("TwinstreamSurfacesStuck", before, figures())

    await pool.execute(
        "UPDATE surfaces SET parked = 'rights', retry_at = 'infinity', error = 'no rights'"
    )
    await gauges.step()
    judge("TwinstreamSurfacesParked", before, figures())


async def test_a_role_that_did_not_stick(resources: Resources, server: Server, settings, pool):
    server.faults.add(Fault("discord", GIVE, 204, when="dropped"))
    known = dataclasses.replace(resources, settings=server.known_to(settings))
    await MemberDesk(pool, "discord").give_xp(ALICE, 10)
    before = figures()
    async with open_display(known) as display:
        await display.step()

    judge("TwinstreamSurfaceWritesLost", before, figures())


def waiting(counts: Iterable[float], *, begin_s: float) -> list[Sample]:
    """Samples of roles that wait, one for each SCRAPE_S."""
    key = ("twinstream_surfaces_waiting", frozenset({("platform", "discord")}))
    return [
        Sample(begin_s + place * alert_rules.SCRAPE_S, {key: count})
        for place, count in enumerate(counts)
    ]


def test_roles_that_stay_while_others_come_and_go_are_stuck_and_a_backfill_is_not():
    rule = rules()["TwinstreamSurfacesStuck"]
    hours_7 = 7 * HOUR_S // alert_rules.SCRAPE_S
    begin_s = time.time()
    # Two that nobody sees, and a wave of promotions every half hour.
    stuck = waiting((2 + max(0, 40 - place % 120) for place in range(hours_7)), begin_s=begin_s)
    backfill = waiting((5_000 - 2 * place for place in range(hours_7)), begin_s=begin_s)

    assert fires(rule, stuck[::4])
    assert not fires(rule, backfill[::4])
    judge_with_promtool([(rule, stuck, True), (rule, backfill, False)])


async def test_a_pass_that_is_stopped_and_the_stop_sign(role: Reconcile, gauges: Gauges, pool):
    await gauges.step()
    before = figures()
    run_id = await role.ask(everybody=True)
    await pool.execute("INSERT INTO stop_signs VALUES ($1, 'moving')", OBEYED)
    await ended(role, pool, run_id)
    await gauges.step()

    judge("TwinstreamReconcileStopped", before, figures())
    judge("TwinstreamStopSign", before, figures())


def test_a_process_that_has_not_reached_postgres_yet_calls_no_pass_late():
    rule = rules()["TwinstreamReconcileLate"]
    now = time.time()

    assert not fires(rule, lasting(figures(), begin_s=now, upto_s=now + rule.for_s + 300))


@pytest.mark.parametrize("has_passed", [True, False])
async def test_a_pass_that_is_late(role: Reconcile, gauges: Gauges, pool, has_passed: bool):
    """A community that never had a pass counts from the start of the process."""
    if has_passed:
        await a_pass(role, pool)
    await gauges.step()
    before = figures()
    await pool.execute("UPDATE reconcile_runs SET finished_at = now() - interval '2 hours'")
    gauges._began_at -= 2 * HOUR_S
    await gauges.step()

    judge("TwinstreamReconcileLate", before, figures())


async def test_passes_that_are_rare_by_the_settings_are_not_late(
    role: Reconcile, resources: Resources, pool
):
    rare = msgspec.structs.replace(
        resources.community,
        reconcile=msgspec.structs.replace(resources.community.reconcile, interval_ms=7_200_000),
    )
    await a_pass(role, pool)
    await pool.execute("UPDATE reconcile_runs SET finished_at = now() - interval '2 hours'")
    await Gauges(dataclasses.replace(resources, community=rare)).step()
    rule = rules()["TwinstreamReconcileLate"]
    now = time.time()

    assert not fires(rule, lasting(figures(), begin_s=now, upto_s=now + rule.for_s + 300))


async def test_drift_that_is_repaired(role: Reconcile, resources, pool, producer: Producer):
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game", entity_id="1"
    )
    await let_everything_arrive(resources)
    before = figures()
    await pool.execute("UPDATE sync_state SET xp = xp + 1 WHERE platform = 'discord'")
    for _ in range(2):
        await a_pass(role, pool)

    judge("TwinstreamDriftRepaired", before, figures())


async def test_findings_that_are_held_and_those_that_cannot_be_repaired(
    resources: Resources, gauges: Gauges, pool
):
    await gauges.step()
    before = figures()
    await pool.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)")
    await pool.execute("INSERT INTO users VALUES (555, 0, -70)")
    setting = StoreSetting(table="users")
    stored = dataclasses.replace(
        resources,
        stores=await open_stores(pool, {"discord": setting}),
        community=msgspec.structs.replace(
            resources.community, stores=StoreSettings(discord=setting)
        ),
    )
    async with opened(stored) as role:
        await a_pass(role, pool)
        await gauges.step()
        judge("TwinstreamFindingsHeld", before, figures())

        await a_pass(role, pool, accepted=True)
        judge("TwinstreamDriftLeft", before, figures())


def test_every_alert_is_judged_in_this_file():
    text = Path(__file__).read_text(encoding="utf-8")

    assert [name for name in rules() if f'"{name}"' not in text] == []


def test_every_counter_has_its_labels_before_anything_is_counted(checkout: Path):
    """One that first appears with 1 has not increased, and no alert would see the first event."""
    program = (
        "import bots.runtime.metrics, consumers.runtime.metrics, json, prometheus_client\n"
        "print(json.dumps({family.name: len(family.samples)\n"
        "    for family in prometheus_client.REGISTRY.collect()\n"
        "    if family.type == 'counter' and family.name.startswith('twinstream')}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=checkout, capture_output=True, text=True, check=True
    )
    counters = json.loads(done.stdout)
    assert len(counters) > 10
    assert [name for name, samples in counters.items() if samples == 0] == []


def test_the_evaluator_reads_all_expressions_of_the_rules():
    for rule in rules().values():
        assert fires(rule, lasting({}, begin_s=0, upto_s=60)) is False


@pytest.mark.skipif(PROMTOOL is None, reason="TWINSTREAM_TEST_PROMTOOL names no promtool")
def test_promtool_finds_no_fault_with_the_rules():
    checked = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(alert_rules.ALERTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
