"""Redis with Sentinel, and Redis Cluster: real processes on loopback, which tests may kill.

Every server knows the user `link`, as whom replicas follow their primary; `cut_replication` locks
that user out, so that what is written afterwards never reaches a replica.
"""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from tests.support.patience import PATIENCE_S
from tests.support.redis_binaries import topology_binary

HOST = "127.0.0.1"
SERVICE = "twin"
ANSWER_S_MAX = 5.0
LOOK_AGAIN_S = 0.01
#: Milliseconds without an answer after which a primary is taken for dead.
DOWN_AFTER_MS = 500
SLOTS = 16_384
CLUSTER_BUS_OFFSET = 10_000
#: The first slots of the three shards: so each of sync:dead, sync:telegram and sync:discord is
#: served by another one.
SHARDS_FROM = (0, 2_000, 4_000)


class Node:
    """One process, with a configuration file that it may rewrite."""

    def __init__(self, folder: Path, lines: list[str], *, port: int = 0, sentinel: bool = False):
        self.port = port or free_port()
        self._folder = folder
        self._sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        head = [f"port {self.port}", f"bind {HOST}", f"dir {folder}"]
        (folder / "node.conf").write_text("\n".join(head + lines) + "\n")

    def start(self) -> None:
        command = [topology_binary(), str(self._folder / "node.conf")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command + ["--sentinel"] * self._sentinel, stdout=log, stderr=log
            )
        until(self._answers, what=f"{self._folder.name} answers")

    def kill(self) -> None:
        """End the process at once, as kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def ask(self, *words: str | int) -> Any:
        with self._client() as client:
            return client.execute_command(*words)

    def info(self) -> dict[str, Any]:
        with self._client() as client:
            return dict(client.info())

    def _client(self) -> redis.Redis:
        return redis.Redis(
            host=HOST,
            port=self.port,
            protocol=2,
            decode_responses=True,
            socket_timeout=ANSWER_S_MAX,
            retry=Retry(NoBackoff(), 0),
        )

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        with suppress(redis.ConnectionError):
            return self.ask("PING") in (True, "PONG")
        return False


class Replicated:
    """The parts of both topologies: a primary that can be lost, and a replica that takes over."""

    url: str
    primary: Node
    replica: Node

    def kill_primary(self) -> None:
        self.primary.kill()

    def is_promoted(self) -> bool:
        raise NotImplementedError

    def cut_replication(self) -> None:
        """Bring the replica up to date, and let nothing more through to it."""
        self.until_even()
        self.primary.ask("ACL", "SETUSER", "link", "off")
        self.primary.ask("CLIENT", "KILL", "TYPE", "replica")
        until(lambda: self.replica.info()["master_link_status"] == "down", what="the link is cut")

    def until_even(self) -> None:
        """Wait until the replica has all that the primary has."""
        until(self._is_even, what="the replica has caught up")

    def _is_even(self) -> bool:
        here, there = self.primary.info(), self.replica.info()
        return (
            there.get("master_link_status") == "up"
            and here["master_repl_offset"] == there["slave_repl_offset"]
        )


class SentinelTrio(Replicated):
    """A primary, its replica, and three sentinels that watch them."""

    def __init__(self, primary: Node, replica: Node, sentinels: list[Node]) -> None:
        self.primary, self.replica, self.sentinels = primary, replica, sentinels
        hosts = ",".join(f"{HOST}:{sentinel.port}" for sentinel in sentinels)
        self.url = f"redis+sentinel://{hosts}/{SERVICE}/0"

    def is_promoted(self) -> bool:
        found = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(found[1]) == self.replica.port and self.replica.info()["role"] == "master"

    def fail_over(self) -> None:
        """Let the replica take over from a primary that lives on."""

        def done() -> bool:
            is_under_way = "failover_in_progress" in _known(self.sentinels[0])["flags"]
            if self.is_promoted():
                return True
            if not is_under_way:  # the failover has not begun, or was given up
                self.sentinels[0].ask("SENTINEL", "FAILOVER", SERVICE)
            return False

        until(done, what="the replica is promoted")
        self.primary, self.replica = self.replica, self.primary
        self.until_even()


class Cluster(Replicated):
    """Three shards; the one that serves sync:telegram, and only that, has a replica."""

    def __init__(self, shards: list[Node], replica: Node) -> None:
        self.shards, self.primary, self.replica = shards, shards[1], replica
        self.url = "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in shards)

    def shard_of(self, key: str) -> Node:
        slot = key_slot(key.encode())
        return self.shards[max(n for n, first in enumerate(SHARDS_FROM) if first <= slot)]

    def is_promoted(self) -> bool:
        others = {*self.shards, self.replica} - {self.primary}
        return self.replica.info()["role"] == "master" and all(map(_is_whole, others))

    def heal(self) -> None:
        """Let a primary that was frozen, and lost its place, follow the new one."""
        self.primary.thaw()
        self.primary, self.replica = self.replica, self.primary
        self.until_even()

    def fail_over(self) -> None:
        """Let the replica take over from a primary that lives on."""
        until(lambda: self.replica.ask("CLUSTER", "FAILOVER") in (True, "OK"), what="a promotion")
        until(self.is_promoted, what="the replica is promoted")
        self.primary, self.replica = self.replica, self.primary


@contextmanager
def sentinel_trio(folder: Path) -> Iterator[SentinelTrio]:
    with ExitStack() as stack:
        primary = _started(stack, Node(folder / "primary", _SERVER))
        replica = _started(
            stack, Node(folder / "replica", [*_SERVER, f"replicaof {HOST} {primary.port}"])
        )
        until(lambda: replica.info()["master_link_status"] == "up", what="the replica follows")
        watching = [
            f"sentinel monitor {SERVICE} {HOST} {primary.port} 2",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {SERVICE} 5000",
        ]
        sentinels = [
            _started(stack, Node(folder / f"sentinel-{number}", watching, sentinel=True))
            for number in range(3)
        ]
        for sentinel in sentinels:  # by default, they look for each other every few seconds only
            sentinel.ask("SENTINEL", "DEBUG", "INFO-PERIOD", 100, "PUBLISH-PERIOD", 100)
        until(lambda: all(map(_knows_everybody, sentinels)), what="the sentinels know each other")
        # More often, the sentinels would undo a planned failover before its leader looks.
        for sentinel in sentinels:
            sentinel.ask("SENTINEL", "DEBUG", "PUBLISH-PERIOD", 500)
        yield SentinelTrio(primary, replica, sentinels)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        lines = [
            *_SERVER,
            "cluster-enabled yes",
            f"cluster-node-timeout {DOWN_AFTER_MS}",
            "cluster-replica-validity-factor 0",
            "cluster-require-full-coverage no",
        ]
        nodes = []
        for name in ("first", "second", "third", "replica"):
            port = free_port(CLUSTER_BUS_OFFSET)
            bus = f"cluster-port {port + CLUSTER_BUS_OFFSET}"
            nodes.append(_started(stack, Node(folder / name, [*lines, bus], port=port)))
        *shards, replica = nodes
        for node, first, after in zip(shards, SHARDS_FROM, (*SHARDS_FROM[1:], SLOTS), strict=True):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", shards.index(node) + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
            if node is not shards[0]:
                node.ask("CLUSTER", "MEET", HOST, shards[0].port)
        replica.ask("CLUSTER", "MEET", HOST, shards[0].port)
        until(lambda: all(map(_is_whole, nodes)), what="the cluster is whole")
        _follow(replica, shards[1])
        until(lambda: replica.info().get("master_link_status") == "up", what="the replica follows")
        until(lambda: all(_sees_replica(node) for node in shards), what="all know the replica")
        yield Cluster(shards, replica)


def free_port(bus_offset: int = 0) -> int:
    """A free port whose port for the messages of the cluster is free too."""
    while True:
        with socket.socket() as probe, socket.socket() as second:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
            with suppress(OSError, OverflowError):
                second.bind((HOST, port + bus_offset if bus_offset else 0))
                return port


def until(holds: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(redis.ConnectionError):  # a failover cuts connections
            if holds():
                return
        time.sleep(LOOK_AGAIN_S)
    pytest.fail(f"waited {PATIENCE_S} s in vain: {what}")


_SERVER = [
    'save ""',
    "appendonly no",
    "repl-diskless-sync-delay 0",
    "user default on nopass ~* &* +@all",
    "user link on >link ~* &* +@all",
    "masteruser link",
    "masterauth link",
]


def _started(stack: ExitStack, node: Node) -> Node:
    stack.callback(node.kill)
    node.start()
    return node


def _knows_everybody(sentinel: Node) -> bool:
    known = _known(sentinel)
    return (int(known["num-slaves"]), int(known["num-other-sentinels"])) == (1, 2)


def _known(sentinel: Node) -> dict[str, str]:
    words = sentinel.ask("SENTINEL", "MASTER", SERVICE)
    return dict(zip(words[::2], words[1::2], strict=True))


def _is_whole(node: Node) -> bool:
    info = str(node.ask("CLUSTER", "INFO"))
    return "cluster_state:ok" in info and f"cluster_slots_ok:{SLOTS}" in info


def _follow(replica: Node, primary: Node) -> None:
    def followed() -> bool:
        with suppress(redis.ResponseError):  # until this node has heard of that node
            replica.ask("CLUSTER", "REPLICATE", str(primary.ask("CLUSTER", "MYID")))
            return True
        return False

    until(followed, what="the replica knows its primary")


def _sees_replica(node: Node) -> bool:
    return str(node.ask("CLUSTER", "NODES")).count("slave") == 1
