"""The model of Redis answers as a real server does, command by command."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ResponseError

from launch.servers import Server
from simulation.redis_server import Store, to_args

STREAM = "model:stream"
GROUPS = st.sampled_from(["g", "h"])
CONSUMERS = st.sampled_from(["anna", "bert"])
LARGEST = f"{2**64 - 1}-{2**64 - 1}"
IDS = st.integers(1, 9).map(lambda number: f"{number}-0")
ADDED_IDS = st.one_of(IDS, IDS, IDS, IDS, st.sampled_from(["0-0", LARGEST]))
PLACES = st.sampled_from(["-", "+", "(2-0", "3-0", "5", f"({LARGEST}"])
FAR_MS = 10**12
#: Counts what a group has to read, as the bus's own scripts do.
SCRIPT = "return {redis.call('XLEN', KEYS[1]), ARGV[1], false, 'unseen'}"

commands = st.one_of(
    st.tuples(
        st.just("XADD"), st.just(STREAM), st.just("NOMKSTREAM"), ADDED_IDS, st.just("e"), IDS
    ),
    st.tuples(st.just("XADD"), st.just(STREAM), ADDED_IDS, st.just("e"), IDS),
    st.tuples(st.just("XGROUP CREATE"), st.just(STREAM), GROUPS, st.just("0"), st.just("MKSTREAM")),
    st.tuples(st.just("XGROUP CREATE"), st.just(STREAM), GROUPS, st.just("$")),
    st.tuples(
        *(st.just("XGROUP SETID"), st.just(STREAM), GROUPS),
        st.one_of(IDS, st.sampled_from(["$", LARGEST])),
    ),
    st.tuples(st.just("XGROUP DESTROY"), st.just(STREAM), GROUPS),
    st.tuples(st.just("XGROUP DELCONSUMER"), st.just(STREAM), GROUPS, CONSUMERS),
    *[
        st.tuples(
            *(st.just("XREADGROUP"), st.just("GROUP"), GROUPS, CONSUMERS, st.just("COUNT")),
            *(st.integers(1, 4), st.just("STREAMS"), st.just(STREAM), place),
        )
        for place in (st.just(">"), st.just(">"), st.sampled_from(["0-0", "3-0"]))
    ],
    st.tuples(st.just("XACK"), st.just(STREAM), GROUPS, IDS, IDS),
    st.tuples(st.just("XPENDING"), st.just(STREAM), GROUPS),
    st.tuples(
        st.just("XPENDING"), st.just(STREAM), GROUPS, st.just("-"), st.just("+"), st.integers(1, 9)
    ),
    st.tuples(
        *(st.just("XPENDING"), st.just(STREAM), GROUPS, IDS, IDS, st.integers(1, 9), CONSUMERS),
    ),
    st.tuples(
        *(st.just("XAUTOCLAIM"), st.just(STREAM), GROUPS, CONSUMERS),
        *(st.sampled_from([0, FAR_MS]), IDS, st.just("COUNT"), st.integers(1, 3)),
    ),
    st.tuples(
        *(st.just("XCLAIM"), st.just(STREAM), GROUPS, CONSUMERS, st.just(0), IDS),
        *(st.just("IDLE"), st.just(0), st.just("JUSTID")),
    ),
    st.tuples(st.just("XDEL"), st.just(STREAM), IDS),
    st.tuples(st.just("XTRIM"), st.just(STREAM), st.just("MINID"), IDS),
    st.tuples(st.just("XTRIM"), st.just(STREAM), st.just("MAXLEN"), st.integers(0, 4)),
    st.tuples(st.just("XLEN"), st.just(STREAM)),
    st.tuples(st.just("XRANGE"), st.just(STREAM), PLACES, PLACES),
    st.tuples(
        st.just("XREVRANGE"), st.just(STREAM), PLACES, PLACES, st.just("COUNT"), st.integers(1, 3)
    ),
    st.tuples(st.just("EXISTS"), st.just(STREAM)),
    st.tuples(st.just("DEL"), st.just(STREAM)),
    st.tuples(st.just("XINFO GROUPS"), st.just(STREAM)),
    st.tuples(st.just("XINFO CONSUMERS"), st.just(STREAM), GROUPS),
    st.tuples(st.just("EVAL"), st.just(SCRIPT), st.just(1), st.just(STREAM), IDS),
)


@pytest.fixture
def server(redis_server: Server) -> Iterator[Redis]:
    """A client that returns the server's replies as they are."""
    client = Redis.from_url(redis_server.url, protocol=2)
    client.response_callbacks.clear()
    yield client
    client.close()


@settings(
    max_examples=max(100, settings().max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(commands, min_size=1, max_size=20))
def test_the_model_answers_as_a_server_does(server: Redis, history: list[tuple[Any, ...]]):
    server.execute_command("DEL", STREAM)
    model = Store()
    for number, command in enumerate(history, start=1):
        try:
            expected = server.execute_command(*command)
        except ResponseError as error:
            expected = error
        try:
            found = model.execute(to_args(command), number)
        except ResponseError as error:
            found = error

        assert timeless(command, found) == timeless(command, expected), command


def timeless(command: tuple[Any, ...], reply: Any) -> Any:
    """A reply without what depends on the clock or only decorates it."""
    if isinstance(reply, ResponseError):
        return str(reply).split()[0] if str(reply).startswith(("NOGROUP", "BUSY")) else "refused"
    name = str(command[0])
    if name == "XPENDING" and len(command) > 3:
        return [[one[0], one[1], one[3]] for one in reply]
    if name.startswith("XINFO"):
        ignored = (b"idle", b"inactive", b"entries-read", b"lag")
        return [
            {
                key: value
                for key, value in zip(one[::2], one[1::2], strict=True)
                if key not in ignored
            }
            for one in reply
        ]
    return reply
