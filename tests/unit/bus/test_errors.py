"""The translation of redis-py's errors into ours."""

import asyncio
from contextlib import suppress

import pytest
from redis import exceptions

from bus import (
    AccessDenied,
    BusError,
    BusFull,
    BusUnavailable,
    CommandRefused,
    GroupMissing,
    NotAStream,
    ServerUnfit,
    StreamExhausted,
    StreamMissing,
)
from bus.errors import translate, translated


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (exceptions.ConnectionError("Connection refused"), BusUnavailable),
        (exceptions.TimeoutError("Timeout reading"), BusUnavailable),
        (exceptions.BusyLoadingError("loading the dataset"), BusUnavailable),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), BusUnavailable),
        (exceptions.MasterDownError("Link with MASTER is down"), BusUnavailable),
        (exceptions.ResponseError("MISCONF Redis cannot save"), BusUnavailable),
        (exceptions.ResponseError("NOREPLICAS Not enough good replicas"), BusUnavailable),
        (exceptions.ResponseError("BUSY Redis is busy running a script"), BusUnavailable),
        (ConnectionResetError("reset by peer"), BusUnavailable),
        (TimeoutError(), BusUnavailable),
        (exceptions.AuthenticationError("invalid username-password pair"), AccessDenied),
        (exceptions.AuthorizationError("no"), AccessDenied),
        (exceptions.NoPermissionError("no permissions to run 'xadd'"), AccessDenied),
        (exceptions.ResponseError("NOPERM no permissions"), AccessDenied),
        (exceptions.OutOfMemoryError("command not allowed"), BusFull),
        (exceptions.ResponseError("OOM command not allowed script: abc"), BusFull),
        (exceptions.ResponseError("NOGROUP No such key"), GroupMissing),
        (exceptions.ResponseError("UNBLOCKED the stream key no longer exists"), GroupMissing),
        (
            exceptions.ResponseError("The XGROUP subcommand requires the key to exist."),
            GroupMissing,
        ),
        (exceptions.ResponseError("no such key"), StreamMissing),
        (exceptions.ResponseError("WRONGTYPE Operation against a key"), NotAStream),
        (
            exceptions.ResponseError("The stream has exhausted the last possible ID, unable to"),
            StreamExhausted,
        ),
        (exceptions.ResponseError("unknown command 'XAUTOCLAIM', with args"), ServerUnfit),
        (exceptions.ResponseError("Unknown Redis command called from script"), ServerUnfit),
        (exceptions.ResponseError("syntax error"), ServerUnfit),
        (exceptions.ResponseError("ACL failure in script: User x has no"), AccessDenied),
        (exceptions.ResponseError("invalid start ID for the interval"), CommandRefused),
        (
            exceptions.ResponseError(
                "The user executing the script can't run this command or subcommand script: x"
            ),
            AccessDenied,
        ),
        (exceptions.ResponseError("BUSYGROUP Consumer Group name already exists"), CommandRefused),
    ],
)
def test_each_error_says_whether_trying_again_can_help(error, ours):
    translation = translate(error, stream="sync:telegram", group="discord")

    assert type(translation) is ours


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            exceptions.ConnectionError(
                "Error 111 connecting to redis:6379. Connect call failed ('10.0.0.7', 6379)."
            ),
            "Redis cannot be reached at redis:6379: connection refused",
        ),
        (
            exceptions.ConnectionError("Error -2 connecting to redis:6379. Name not known."),
            "Redis cannot be reached at redis:6379: the name of its host is not known",
        ),
        (
            exceptions.ConnectionError("No master found for 'mymaster' : <redis.asyncio.client>"),
            "no sentinel that answers knows a primary of the service 'mymaster'",
        ),
        (
            exceptions.RedisClusterException(
                "Redis Cluster cannot be connected. Please provide at least one reachable node: "
                "Error 111 connecting to a:6379. Connect call failed ('10.0.0.7', 6379)."
            ),
            "no node of the Redis Cluster can be reached at a:6379: connection refused",
        ),
        (exceptions.TimeoutError("Timeout reading from a:6379"), "Redis did not answer in time"),
        (TimeoutError(), "Redis did not answer in time"),
        (
            ConnectionResetError(104, "Connection reset by peer"),
            "the connection to Redis was lost: connection reset by peer",
        ),
    ],
)
def test_an_outage_names_the_server_and_not_the_librarys_insides(error, text):
    assert str(translate(error)) == text


def test_an_unexpected_error_is_still_a_bus_error():
    assert type(translate(exceptions.InvalidResponse("?"))) is BusError


def test_the_missing_group_is_named():
    error = translate(exceptions.ResponseError("NOGROUP"), stream="sync:telegram", group="discord")

    assert str(error) == "group discord of stream sync:telegram does not exist"


def test_an_empty_text_is_replaced_by_the_kind_of_error():
    assert str(translate(exceptions.ConnectionError())) == "ConnectionError"


async def test_the_cause_is_kept():
    cause = exceptions.ConnectionError("gone")

    with pytest.raises(BusUnavailable) as caught, translated():
        raise cause

    assert caught.value.__cause__ is cause


async def test_a_cancellation_that_was_lost_inside_is_raised_again():
    async def swallow() -> None:
        with translated(), suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    task = asyncio.create_task(swallow())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_cleans_up_after_its_cancellation_can_use_the_bus():
    done = []

    async def clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with translated():
                done.append("handed back")

    task = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["handed back"]
