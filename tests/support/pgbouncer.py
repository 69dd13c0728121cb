"""PgBouncer, the pooler that tests put in front of Postgres: the machine's own program."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chaos.pooler import Pooler, pgbouncer_binary
from launch.servers import HOST, Server
from tests.support.redis_topologies import until


@contextlib.contextmanager
def pgbouncer(folder: Path, postgres: Server, **settings: str | int) -> Iterator[str]:
    """Run PgBouncer in transaction mode; yield the address of the server through it.

    `settings` are further lines of its configuration. Without the program, skip the test.
    """
    binary = pgbouncer_binary()
    if binary is None:
        pytest.skip("pgbouncer is not installed (apt-get install pgbouncer)")
    port = urlsplit(postgres.url).port or 0
    pooler = Pooler(binary, folder / "pgbouncer", port, postgres.url, **settings)
    pooler.start()
    try:
        until(lambda: _listens(pooler.port), what="PgBouncer listens")
        yield pooler.url_of(postgres)
    finally:
        pooler.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
