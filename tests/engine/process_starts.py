"""Starts of our processes, as their containers and their own logs tell of them."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

#: Prints when the heartbeat file was made, in Unix seconds, and the figures of each process.
ASKED: Final = "stat -c %.3W /tmp/alive; cat /proc/[0-9]*/stat"
#: The name and the processor times of an interpreter in /proc/PID/stat, in ticks.
_INTERPRETER: Final = re.compile(r"^\d+ \(python[\d.]*\) \S(?: \S+){10} (\d+) (\d+) ", re.MULTILINE)
#: Ticks a second of these times, on every architecture that Docker runs on.
_TICKS: Final = 100
_MIB: Final = re.compile(r"([\d.]+)([KMG])iB")
_MIB_OF: Final = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}


class Start(NamedTuple):
    """A start, from the moment at which the engine started the container."""

    #: Seconds until the first heartbeat, from which the health check reads that it is well.
    healthy_after_s: float
    #: Seconds until all its roles had started, or the bot had registered its commands.
    ready_after_s: float
    #: Seconds of the processor until it was asked, some seconds later.
    cpu_s: float


def is_ready(log: str, started_at: str, roles: Sequence[str]) -> bool:
    """Tell whether a process that began then has logged that it is ready. Pure."""
    return _ready_at(log, datetime.fromisoformat(started_at), roles) is not None


def read(answer: str, log: str, started_at: str, roles: Sequence[str]) -> Start:
    """Make figures of the answer to ASKED and of the log; the process is ready. Pure."""
    began = datetime.fromisoformat(started_at)
    ready_at = _ready_at(log, began, roles)
    interpreter = _INTERPRETER.search(answer)
    assert ready_at is not None
    assert interpreter is not None
    return Start(
        healthy_after_s=float(answer.split(maxsplit=1)[0]) - began.timestamp(),
        ready_after_s=(ready_at - began).total_seconds(),
        cpu_s=sum(map(int, interpreter.groups())) / _TICKS,
    )


def mib(amount: str) -> float:
    """Read an amount of memory as `docker stats` writes it: 61.2MiB. Pure."""
    found = _MIB.match(amount)
    assert found is not None, amount
    return float(found[1]) * _MIB_OF[found[2]]


def _ready_at(log: str, began: datetime, roles: Sequence[str]) -> datetime | None:
    waited_for = set(roles)
    for line in _lines(log):
        at = datetime.fromisoformat(line["timestamp"])
        if at < began:  # of an earlier start
            continue
        if line["event"] == "role.started":
            waited_for.discard(line["role"].partition("/")[0])  # once a lane: to-discord/2
        if line["event"] == "bot.started" or (roles and not waited_for):
            return at
    return None


def _lines(log: str) -> Iterator[dict[str, Any]]:
    for line in log.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # the last words of a process are no JSON
