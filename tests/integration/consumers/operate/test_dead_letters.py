"""Dead letters: listed, shown, and sent again without a double effect."""

import asyncio

import pytest

import schemas
from bus import Keys, connect
from config.outside_text.terminal import Terminal
from consumers.operate import dead_letters
from consumers.operate.reconcile import _table as reconcile_table
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.runtime.stream_rebuild import Rebuild
from consumers.settling.role import Settling
from db.ledger.dead_letters import find_dead
from db.members import accounts
from db.reconcile import drift
from tests.support.processes import BARE_ENVIRONMENT, run
from tests.support.settling import Desk, edited, xp_payload
from tests.support.variants import variants

KEY = "tg_game_guess_1001_1"


async def all_dead(resources: Resources):
    async with resources.pool.acquire() as conn:
        return await find_dead(conn, limit=100)


async def bury_an_overdraft(resources: Resources, desk: Desk) -> None:
    """A foreign program takes more than the member has."""
    await desk.add("telegram", xp_payload(-20))
    await Settling("telegram", resources).step()
    assert list(await desk.failures()) == [KEY]


async def test_a_refused_event_takes_effect_once_its_cause_is_gone(resources, desk, producer):
    await bury_an_overdraft(resources, desk)
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=50, source="telegram", reason="gift", entity_id="1"
    )

    [buried] = await all_dead(resources)
    done = await dead_letters.replay(resources.pool, resources.publisher, ids=[buried.id])
    settling = Settling("telegram", resources)
    while await settling.step():
        pass

    assert done.sent == (buried.id,)
    assert await desk.xp("discord") == 30
    assert await desk.failures() == {}


async def test_sending_again_twice_counts_once(resources, desk, producer):
    await bury_an_overdraft(resources, desk)
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=50, source="telegram", reason="gift", entity_id="1"
    )

    for _ in range(2):
        await dead_letters.replay(resources.pool, resources.publisher, ids=None)
    settling = Settling("telegram", resources)
    while await settling.step():
        pass

    assert await desk.xp("discord") == 30
    assert await desk.ledger_rows("discord") == 2


async def test_only_what_was_never_recorded_can_be_discarded(resources, desk, producer, capsys):
    """An event that its origin counts has to reach the other side."""
    await desk.add("telegram", b"nonsense")
    await Settling("telegram", resources).step()
    recorded = await producer.create_xp_change_event(
        user_id=1001, delta_xp=50, source="telegram", reason="gift", entity_id="1"
    )
    await resources.pool.execute(
        "UPDATE sync_events SET status = 'failed', error_message = 'somehow'"
        " WHERE idempotency_key = $1",
        recorded.idempotency_key,
    )
    ids = [one.id for one in await all_dead(resources)]

    await dead_letters.discard(resources.pool, Terminal(width=200), [*ids, 999])

    assert list(await desk.failures()) == [recorded.idempotency_key]
    said = capsys.readouterr().out
    assert "1 discarded" in said
    assert f"{ids[1]} stays" in said
    assert "999 stays" in said


async def test_what_is_refused_again_is_buried_again_with_its_reason(resources, desk):
    await bury_an_overdraft(resources, desk)
    before = await desk.failures()

    await dead_letters.replay(resources.pool, resources.publisher, ids=None)
    await Settling("telegram", resources).step()

    assert await desk.failures() == before


async def test_a_recorded_event_is_published_by_the_relay(resources, desk, producer):
    """An event of our own that was buried, for instance by an attempt limit."""
    recorded = await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game_guess", entity_id="1"
    )
    await desk.lose_everything()
    await resources.rebuild("telegram")
    await resources.pool.execute(
        "UPDATE sync_events SET status = 'failed', error_message = 'by hand'"
    )

    done = await dead_letters.replay(
        resources.pool, resources.publisher, ids=None, reason="BY HAND"
    )
    await Relay(resources).step()
    await Settling("telegram", resources).step()

    assert len(done.sent) == 1
    assert recorded.created
    assert await desk.xp("discord") == 15
    assert await desk.statuses() == {"completed": 1}


async def test_what_still_is_no_event_stays_where_it_is(resources, desk):
    await desk.add("telegram", b"nonsense")
    await Settling("telegram", resources).step()
    [buried] = await all_dead(resources)

    done = await dead_letters.replay(resources.pool, resources.publisher, ids=None)

    assert done.sent == ()
    why = done.refused[buried.id]
    assert "not JSON" in why
    assert f"discard {buried.id}" in why
    assert await desk.stream_length("telegram") == 1


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_forged_event_is_not_sent_to_the_stream_that_it_names(resources, desk, dry_run):
    """On Discord's stream it would count: its consumer would take it for another program's."""
    await desk.add("telegram", xp_payload(1_000_000, source="discord"))
    await Settling("telegram", resources).step()
    before = await desk.failures()
    [buried] = await all_dead(resources)

    done = await dead_letters.replay(resources.pool, resources.publisher, ids=None, dry_run=dry_run)

    assert done.sent == ()
    assert list(done.refused) == [buried.id]
    why = done.refused[buried.id]
    assert "it says source discord, but it came on the stream of telegram" in why
    assert await desk.failures() == before
    assert await desk.stream_length("discord") == 0
    assert await desk.stream_length("telegram") == 1
    for source in schemas.SOURCES:
        await Settling(source, resources).step()
    assert await desk.ledger_rows("telegram") == await desk.ledger_rows("discord") == 0


async def test_what_comes_on_one_stream_does_not_bury_the_event_of_the_other_platform(
    resources, desk, producer
):
    """Another program took the key of a Discord event for one that Telegram's books cannot hold."""
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=1, source="telegram", reason="gift", entity_id="1"
    )
    await Settling("telegram", resources).step()
    await resources.pool.execute("UPDATE sync_state SET xp = 9223372036854775807")
    await desk.lose_everything()
    honest = await producer.create_xp_change_event(
        user_id=7, delta_xp=5, source="discord", reason="quest", entity_id="1", idempotency_key="k"
    )
    await resources.rebuild("telegram")
    [entry_id] = await desk.add("telegram", xp_payload(5, idempotency_key="k"))

    await Settling("telegram", resources).step()

    entry_key = f"entry:{resources.keys.stream('telegram')}:{entry_id.decode()}"
    assert list(await desk.failures()) == [entry_key]
    [buried] = await all_dead(resources)
    assert (buried.source, buried.is_recorded) == ("telegram", False)
    assert "out of range" in buried.error_message
    await resources.rebuild("discord")
    await Relay(resources).step()
    await Settling("discord", resources).step()
    assert honest.created
    assert await desk.xp("telegram", 7, "discord") == 5


async def test_an_entry_that_an_older_version_could_not_read_is_sent_again(resources, desk):
    """Its row is replaced by that of the event, which has a key of its own."""
    await desk.add("telegram", edited(xp_payload(15), v=99))
    await Settling("telegram", resources).step()
    await resources.pool.execute("UPDATE sync_events SET payload = $1", xp_payload(15).decode())

    await dead_letters.replay(resources.pool, resources.publisher, ids=None)
    await Settling("telegram", resources).step()

    assert await desk.xp("discord") == 15
    assert await desk.statuses() == {"completed": 1}


async def test_a_dry_run_says_what_it_would_send_and_sends_nothing(resources, desk):
    await bury_an_overdraft(resources, desk)
    await desk.add("telegram", b"nonsense")
    await Settling("telegram", resources).step()

    done = await dead_letters.replay(resources.pool, resources.publisher, ids=None, dry_run=True)

    assert len(done.sent) == 1
    assert len(done.refused) == 1
    assert await desk.stream_length("telegram") == 2
    assert len(await desk.failures()) == 2


async def test_only_those_with_the_reason_are_sent(resources, desk):
    await bury_an_overdraft(resources, desk)

    nobody = await dead_letters.replay(
        resources.pool, resources.publisher, ids=None, reason="not JSON"
    )

    assert nobody == dead_letters.Replayed((), {})


async def test_a_rebuild_on_request_publishes_what_has_not_arrived(resources, desk, producer):
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game_guess", entity_id="1"
    )
    await desk.lose_everything()

    rebuild = Rebuild(resources.pool, resources.redis, resources.keys)
    count = await rebuild.publish_unfinished_again("telegram")
    await Relay(resources).step()
    await Settling("telegram", resources).step()

    assert count <= 1
    assert await desk.xp("discord") == 15


async def test_the_command_says_why_a_forged_event_stays(
    checkout, own_redis_url, database_url, resources, desk
):
    servers = {"REDIS_URL": own_redis_url, "DATABASE_URL": database_url}
    await desk.add("telegram", xp_payload(1_000_000, source="discord"))
    await Settling("telegram", resources).step()
    [buried] = await all_dead(resources)

    rehearsed = await command(servers, "dead", "replay", "--all", "--dry-run")
    replayed = await command(servers, "dead", "replay", "--all")

    for said in (rehearsed.stdout, replayed.stdout):
        assert f"{buried.id} cannot be sent again: it says source discord" in said
    assert "0 would be sent again, 1 left where they are" in rehearsed.stdout
    assert "0 sent again, 1 left where they are" in replayed.stdout
    client = connect(own_redis_url, name="test")
    assert await client.exists(*(Keys().stream(source) for source in schemas.SOURCES)) == 0
    await client.aclose()


@pytest.fixture
async def buried_on_a_server_of_its_own(own_redis_url, database_url, resources, desk):
    """Nonsense and an overdraft, where a process without a prefix finds the streams."""
    await bury_an_overdraft(resources, desk)
    await desk.add("telegram", b"nonsense")
    await Settling("telegram", resources).step()
    return {"REDIS_URL": own_redis_url, "DATABASE_URL": database_url}


async def command(servers: dict[str, str], *words: str):
    environ = {**BARE_ENVIRONMENT, "COLUMNS": "200", **servers}
    return await asyncio.to_thread(run, "consumers", *words, environ=environ)


async def test_the_commands_list_show_and_replay(
    checkout, buried_on_a_server_of_its_own, resources
):
    servers = buried_on_a_server_of_its_own
    overdraft, nonsense = await all_dead(resources)

    listed = await command(servers, "dead", "list")
    shown = await command(servers, "dead", "show", str(nonsense.id))
    rehearsed = await command(servers, "dead", "replay", "--all", "--dry-run")
    rebuilt = await command(servers, "rebuild")

    assert "2 buried" in listed.stdout
    assert "nonsense" in shown.stdout
    assert f"{nonsense.id} cannot be sent again: it still is no event" in rehearsed.stdout
    assert "1 would be sent again, 1 left where they are" in rehearsed.stdout
    assert "sync:telegram: 0 unfinished events" in rebuilt.stdout
    replayed = await command(servers, "dead", "replay", str(overdraft.id))
    assert "1 sent again" in replayed.stdout
    discarded = await command(servers, "dead", "discard", str(nonsense.id))
    assert "1 discarded" in discarded.stdout
    client = connect(servers["REDIS_URL"], name="test")
    assert await client.xlen(Keys().stream("telegram")) == 1
    await client.aclose()


#: Commands that an operator cannot mean, and the sentence that answers each.
UNFIT_USE = {
    "no id": (("dead", "replay"), "name the ids to send again, or --all"),
    "ids and all": (("dead", "replay", "7", "--all"), "name the ids to send again, or --all"),
    "no such id": (("dead", "show", "123456"), "nothing is buried under id 123456"),
    "an id too large": (("dead", "show", f"{2**63}"), "Invalid value for 'ID'"),
    "ids too large": (("dead", "replay", "1", f"{10**30}"), "Invalid value for '[ID ...]'"),
    "another id too large": (("dead", "discard", f"{2**63}"), "Invalid value for 'ID ...'"),
    "a limit too large": (("dead", "list", "--limit", f"{2**63}"), "Invalid value for '--limit'"),
}


@pytest.mark.parametrize(
    ("words", "sentence"),
    variants(UNFIT_USE.items(), every_day=("ids and all", "no such id", "ids too large")),
)
async def test_unfit_use_is_one_sentence(checkout, own_redis_url, database_url, words, sentence):
    servers = {"REDIS_URL": own_redis_url, "DATABASE_URL": database_url}

    refused = await command(servers, *words)

    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


async def bury_reserved(resources: Resources, desk: Desk) -> None:
    """A backup was restored that is older than the stream: the origin has no such event."""
    payload = xp_payload(5, reason="reconcile", entity_id="7.9")
    await desk.add("telegram", payload)
    await Settling("telegram", resources).step()


async def test_a_reserved_key_from_the_stream_is_held_for_the_operator(resources, desk, pool):
    await bury_reserved(resources, desk)

    [buried] = await all_dead(resources)
    assert "reserved for events of twinstream itself" in buried.error_message
    assert await pool.fetchval("SELECT count(*) FROM transactions") == 0
    done = await dead_letters.replay(resources.pool, resources.publisher, ids=None)
    assert done.sent == ()
    assert f"replay {buried.id} --admit" in done.refused[buried.id]
    assert await desk.stream_length("telegram") == 1  # the entry that was buried


async def test_the_operator_admits_an_event_with_a_reserved_key_once(resources, desk):
    await bury_reserved(resources, desk)
    [buried] = await all_dead(resources)

    for _ in range(2):
        await dead_letters.replay(resources.pool, resources.publisher, ids=[buried.id], admit=True)
        await Relay(resources).step()
        while await Settling("telegram", resources).step():
            pass

    assert await all_dead(resources) == []
    assert await desk.xp("telegram") == 5
    assert await desk.xp("discord") == 5


async def test_a_key_of_another_event_is_buried_and_admitted_by_nobody(resources, desk, pool):
    """The key says 1002, the event says 1001."""
    await desk.add("telegram", edited(xp_payload(5), idempotency_key="tg_game_guess_1002_1"))
    await Settling("telegram", resources).step()

    [buried] = await all_dead(resources)
    assert "is the key of another event" in buried.error_message
    await dead_letters.replay(resources.pool, resources.publisher, ids=[buried.id], admit=True)
    while await Settling("telegram", resources).step():
        pass
    assert await pool.fetchval("SELECT count(*) FROM transactions") == 0
    [again] = await all_dead(resources)
    assert "is the key of another event" in again.error_message


async def test_an_account_is_shown_with_its_name(resources, producer, capsys):
    recorded = await producer.create_xp_change_event(
        user_id=1001, delta_xp=50, source="telegram", reason="gift", entity_id="1"
    )
    async with resources.pool.acquire() as conn:
        await accounts.remember_name(conn, "telegram", 1001, "Mira\u202e")
        dead_id = await conn.fetchval(
            "UPDATE sync_events SET status = 'failed', error_message = 'somehow'"
            " WHERE idempotency_key = $1 RETURNING id",
            recorded.idempotency_key,
        )
        run = await conn.fetchval(
            "INSERT INTO reconcile_runs (cause, owner, lease_until)"
            " VALUES ('asked', 'test', now()) RETURNING id"
        )
        await conn.execute(
            "INSERT INTO drift (run_id, platform, subject, subject_id, account_id, field, seen,"
            " expected, difference) VALUES ($1, 'telegram', 'books', 1, 1001, 'xp', '1', '50', 49)",
            run,
        )
        [finding] = await drift.of_run(conn, run, limit=5)
    await dead_letters.show_one(resources.pool, Terminal(width=80), dead_id)
    Terminal(width=120).print(reconcile_table([finding]))

    said = capsys.readouterr().out
    assert "account          1001 Mira\\u202e" in said
    assert said.count("1001 Mira\\u202e") == 2
