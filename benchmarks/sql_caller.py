"""`python -m benchmarks.sql_caller SOURCE RATE SECONDS FIRST_RATE FIRST_S`: SQL calls.

A synchronous bot records one event after the other with psycopg; the relay publishes them.
The first ones, at a rate of their own, are not measured. In the end it prints when each other event
was due and when its call began (Unix seconds), by key, as JSON.
"""

import json
import os
import sys
import time

import psycopg

from .testbed import MEMBERS

Called = dict[str, tuple[float, float]]


def main(source: str, rate: float, seconds: float, first_rate: float, first_s: float) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as conn:
        _play(conn, source, first_rate, first_s, "warm")
        print(json.dumps(_play(conn, source, rate, seconds, "")))


def _play(conn: psycopg.Connection, source: str, rate: float, seconds: float, name: str) -> Called:
    """Create events at an even rate; a late answer delays the next call, but not its due time."""
    called: Called = {}
    began = time.time()
    for count in range(int(rate * seconds)):
        due = began + count / rate
        time.sleep(max(0.0, due - time.time()))
        at = time.time()
        row = conn.execute(
            "SELECT * FROM twinstream.record_xp(%s, %s, 1, 'game_guess', %s)",
            (source, count % MEMBERS + 1, f"{name}{count}"),
        ).fetchone()
        assert row is not None
        called[row[0]] = due, at
    return called


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
