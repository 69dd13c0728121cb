"""A Postgres with a streaming replica, for tests of failover."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import psycopg

from launch.migrate import migrate
from launch.servers import HOST, Server
from tests.support.postgres_programs import start_chosen_postgres
from tests.support.redis_topologies import until

#: Nothing here has to outlive a power cut.
QUICK = "fsync = off\nsynchronous_commit = off\n"


class Replicated(NamedTuple):
    """Two servers; each statement runs as the superuser, in a transaction of its own."""

    primary: Server
    replica: Server

    @property
    def url(self) -> str:
        """The address of both, the primary first; the one that takes writes is used."""
        login = urlsplit(self.primary.url).netloc.rpartition("@")[0]
        places = ",".join(urlsplit(one.url).netloc.rpartition("@")[2] for one in self)
        parts = urlsplit(self.primary.url)._replace(netloc=f"{login}@{places}")
        return parts.geturl() + "?target_session_attrs=read-write"

    def until_even(self) -> None:
        """Wait until the replica has all that the primary has."""
        # Commits that do not wait for the disk are in the log, but perhaps not written yet.
        [here] = ask(self.primary, "SELECT pg_current_wal_insert_lsn()::text")
        has_it = f"SELECT pg_last_wal_replay_lsn() >= '{here}'::pg_lsn"
        until(lambda: ask(self.replica, has_it) == [True], what="the replica has caught up")

    def promote(self) -> None:
        """Make the replica the primary. The old one stays up, and takes no more writes."""
        ask(self.primary, "ALTER SYSTEM SET default_transaction_read_only = on")
        ask(self.primary, "SELECT pg_reload_conf()")
        until(
            lambda: ask(self.primary, "SHOW default_transaction_read_only") == ["on"],
            what="the old primary refuses writes",
        )
        assert ask(self.replica, "SELECT pg_promote()") == [True]


def ask(server: Server, statement: str) -> list[object]:
    """Run a statement; return the first column of its rows."""
    with psycopg.connect(server.url, autocommit=True) as conn:
        found = conn.execute(statement.encode())
        return [row[0] for row in found.fetchall()] if found.description else []


@contextlib.contextmanager
def replicated(folder: Path) -> Iterator[Replicated]:
    """Start a migrated primary and its replica."""
    data = folder / "primary/data"
    with start_chosen_postgres(folder / "primary") as made:
        migrate(made.url)
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(QUICK)
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write(f"host replication all {HOST}/32 scram-sha-256\n")
    shutil.copytree(folder / "primary", folder / "replica")
    with start_chosen_postgres(folder / "primary") as primary:
        there = urlsplit(primary.url)
        with (folder / "replica/data/postgresql.auto.conf").open("a") as settings:
            settings.write(
                f"primary_conninfo = 'host={HOST} port={there.port} user={there.username}"
                f" password={unquote(there.password or '')}'\n"
            )
        (folder / "replica/data/standby.signal").touch()
        # The copy's folder is given to the user as whom the server runs when it starts.
        with start_chosen_postgres(folder / "replica") as replica:
            yield Replicated(primary, replica)
