"""The metrics port: connections that ask for nothing end, and cost no more than a few."""

import contextlib
import importlib
import socket
import time
import urllib.request
from collections.abc import Iterator

import pytest

from config import Settings, metrics
from launch.servers import free_port
from tests.support.patience import PATIENCE_S

#: The package offers the function of this name.
MODULE = importlib.import_module("config.metrics")


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(MODULE, "REQUEST_S_MAX", 0.2)
    port = free_port()
    with metrics(Settings(twinstream_metrics_port=port)):
        yield port


def connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.settimeout(10)
    return connection


def read(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("sent", [b"", b"GET /metrics HTTP/1.1\r\nHost:"])
def test_a_connection_that_sends_no_whole_request_is_closed(
    port: int, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with connected(port) as idle:
        idle.sendall(sent)

        assert idle.recv(1_000) == b""

    assert b"python_info" in read(port)
    assert capfd.readouterr().err == ""


def test_idle_connections_beyond_a_few_are_closed_at_once_and_room_comes_back(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "REQUEST_S_MAX", 60.0)
    with contextlib.ExitStack() as idle:
        for _ in range(MODULE.CONNECTIONS_MAX):
            idle.enter_context(connected(port))
        with connected(port) as late:
            assert late.recv(1_000) == b""

    answered = False
    deadline = time.monotonic() + PATIENCE_S
    while not answered and time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # a thread has not noticed yet that its client is gone
            answered = b"python_info" in read(port)
    assert answered
