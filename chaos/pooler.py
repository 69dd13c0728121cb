"""PgBouncer in front of Postgres: the machine's own program, if there is one."""

import shutil
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from launch import private_files, privileges
from launch.servers import HOST, Server, free_port

#: Connections to Postgres of all clients together: few, so that clients share each.
SERVER_CONNECTIONS: Final = 4


def pgbouncer_binary() -> str | None:
    """Return the path of the program, or None where it is not installed."""
    # Debian installs it where only administrators look.
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class Pooler:
    """PgBouncer in transaction mode on a port of its own, in front of another port."""

    def __init__(
        self, binary: str, folder: Path, target_port: int, login_url: str, **more: str | int
    ) -> None:
        """`login_url` holds the login of clients and servers; `more` are settings of PgBouncer."""
        self.port = free_port()
        self._folder = folder
        self._command = [binary, "pgbouncer.ini"]
        self._process: subprocess.Popen[bytes] | None = None
        private_files.make_folder(folder)
        login = urlsplit(login_url)
        (folder / "users.txt").write_text(
            f'"{login.username}" "{unquote(login.password or "")}"\n', encoding="utf-8"
        )
        settings: dict[str, str | int] = {
            "listen_addr": HOST,
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": "users.txt",
            "pool_mode": "transaction",
            "default_pool_size": SERVER_CONNECTIONS,
            **more,
        }
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={HOST} port={target_port}\n[pgbouncer]\n{lines}",
            encoding="utf-8",
        )
        if privileges.is_needed():
            user = privileges.owner_of(folder.parent)
            privileges.give(folder, user)
            self._command = privileges.command_as(user, self._command)

    def url_of(self, server: Server) -> str:
        """Return the address of a server through the pooler."""
        return server.url_through(self.port)

    def start(self) -> None:
        """Start it. Clients that come before it listens are refused, and try again."""
        with (self._folder / "pgbouncer.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """Kill it, with every connection that it holds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
