"""The world of the phases: the server, the platforms, an administrator, and a member who plays."""

import os
import secrets
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from launch.errors import LaunchError
from launch.sandbox_client import SandboxClient
from launch.sandbox_member import SandboxMember
from launch.sandbox_runner import COMMUNITY, Endpoints
from launch.waiting import until
from tests.engine.errors import EngineError
from tests.engine.world import BOOKS, SHOWN_TIMEOUT_S, WIN_XP
from tests.systemd.debian_server import ADDRESS, ADMINISTRATOR, DebianServer
from tests.systemd.page_walk import ETC, Administrator

#: Our processes, as production.md starts them.
UNITS: Final = (
    "twinstream@consumers",
    "twinstream@bots.telegram_bot",
    "twinstream@bots.discord_bot",
)
#: Seconds until `status` says that all is well, after a start on a busy machine.
WELL_TIMEOUT_S: Final = 90.0
#: Where the server finds the repository, in place of an address on the web.
REPOSITORY: Final = Path("srv/twinstream.git")
#: The author that git asks for, and in place of settings of this machine none.
GIT: Final = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "PATH": os.environ.get("PATH", os.defpath),
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "twinstream"), ("EMAIL", "twinstream@example.org"))
    },
}
#: Writes into each file that production.md opens what the administrator would.
EDITOR: Final = """#!/bin/sh
for file; do
    case "$file" in
    */telegram_token) echo '{telegram_token}' > "$file" ;;
    */discord_token) echo '{discord_token}' > "$file" ;;
    */owner.database_url) sed -i 's/PASSWORD/{password}/' "$file" ;;
    */twinstream.toml) cat /srv/twinstream.toml > "$file" ;;
    *) echo "there is nothing to write into $file"; exit 1 ;;
    esac
done
"""


@dataclass
class World:
    """The state that phases share. A phase leaves the deployment up and well."""

    server: DebianServer
    #: A copy of this checkout, which the server clones.
    checkout: Path
    endpoints: Endpoints
    client: SandboxClient
    administrator: Administrator
    say: Callable[[str], None]
    #: The password that the administrator types for the owner of the database.
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    _member: SandboxMember | None = None

    async def prepare(self) -> None:
        """Bring about what the pages take for granted: a person, a repository, an editor."""
        git = self.git
        git("init", "--quiet", "--initial-branch=main")
        self.commit("The release that is installed")
        bare = str(self.server.root / REPOSITORY)
        git("clone", "--quiet", "--bare", str(self.checkout), bare)
        git("remote", "add", "origin", bare)
        self._write("etc/gitconfig", f"[safe]\n\tdirectory = /{REPOSITORY}\n")
        self._write("srv/twinstream.toml", (self.checkout / COMMUNITY).read_text("utf-8"))
        self._write(
            "usr/bin/editor",
            EDITOR.format(
                telegram_token=self.endpoints.telegram["token"],
                discord_token=self.endpoints.discord["token"],
                password=self.password,
            ),
            mode=0o755,
        )
        self._write(f"etc/sudoers.d/{ADMINISTRATOR}", f"{ADMINISTRATOR} ALL=(ALL) NOPASSWD: ALL\n")
        await self.server.run(
            *("useradd", "--create-home", "--shell", "/bin/bash"),
            *("--groups", "sudo", ADMINISTRATOR),
        )
        self.administrator.variables["REPOSITORY"] = f"/{REPOSITORY}"
        self.administrator.answers |= {r"createuser .*--pwprompt": f"{self.password}\n" * 2}

    async def name_platforms(self) -> None:
        """Write the addresses of the platforms where docs/configuration.md has them."""
        platforms = {
            "TELEGRAM_API_BASE": self.endpoints.telegram_api_base,
            "DISCORD_API_BASE": self.endpoints.discord_api_base,
            "DISCORD_GATEWAY_URL": self.endpoints.discord_gateway_url,
            "DISCORD_CDN_BASE": self.endpoints.discord_cdn_base,
        }
        lines = "".join(f"{name}={value}\n" for name, value in platforms.items())
        await self.server.run("tee", "--append", str(ETC / "common.env"), stdin=lines.encode())

    def git(self, *arguments: str) -> None:
        """Run git in the copy of the checkout."""
        subprocess.run(["git", *arguments], cwd=self.checkout, env=GIT, check=True)

    def commit(self, title: str) -> None:
        """Commit everything in the copy of the checkout."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", title)

    def _write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        file = self.server.root / path
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    async def show(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of a unit."""
        done = await self.server.run("systemctl", "show", f"--property={','.join(names)}", unit)
        return dict(line.split("=", 1) for line in done.output.splitlines())

    async def journal(self, unit: str) -> str:
        """Return the messages of a unit since it was installed."""
        return (await self.server.run("journalctl", "--output=cat", "--unit", unit)).output

    async def until_well(self) -> None:
        """Wait until every unit is active and `status` finds nothing to do.

        Raises:
            EngineError: that did not come about; the message has what `status` said.
        """
        said = ""

        async def well() -> bool:
            nonlocal said
            for unit in UNITS:
                state = (await self.show(unit, "ActiveState"))["ActiveState"]
                if state != "active":
                    said = f"{unit} is {state}:\n{(await self.journal(unit))[-1500:]}"
                    if state == "failed":
                        raise EngineError(said)
                    return False
            done = await self.server.type("sudo twinstream status", may_fail=True)
            said = done.output
            return done.code == 0

        try:
            await until("everything being well", well, timeout_s=WELL_TIMEOUT_S)
        except LaunchError as error:
            raise EngineError(f"{error}:\n{said}") from error

    async def member(self) -> SandboxMember:
        """Return the member who plays; at first she joins both and links her accounts."""
        if self._member is None:
            member = await SandboxMember.arrive(self.client, self.endpoints, "Mira")
            await member.win_in_telegram()
            await member.link()
            self._member = member
        return self._member

    async def play(self) -> None:
        """Win once on each platform, and see on both what was won.

        Raises:
            LaunchError: the platforms differ, or do not show it.
        """
        member = await self.member()
        before = max((xp for _, xp, _ in await self.totals()), default=0)
        await member.win_in_telegram()
        await member.win_in_discord()

        async def equal_totals() -> int | None:
            totals = await self.totals()
            won = {xp for _, xp, _ in totals if xp >= before + 2 * WIN_XP}
            is_equal = len(totals) == 2 and len({one[1:] for one in totals}) == 1
            return won.pop() if is_equal and won else None

        xp = await until("equal totals", equal_totals)
        await self._until_shown(member, xp or 0)

    async def _until_shown(self, member: SandboxMember, xp: int) -> None:
        ranks = tomllib.loads((self.checkout / COMMUNITY).read_text("utf-8"))["ranks"]
        names = {one["name"] for one in ranks}
        rank = max((one for one in ranks if one["xp"] <= xp), key=lambda one: one["xp"])["name"]

        async def shown() -> bool:
            return (await member.tag(), set(await member.role_names()) & names) == (rank, {rank})

        await until(f"both platforms showing {rank}", shown, timeout_s=SHOWN_TIMEOUT_S)

    async def totals(self) -> list[tuple[str, int, int]]:
        """Return the books of the member who plays, by platform."""
        member = await self.member()
        rows = await self.ask(BOOKS, member.telegram_id)
        return [(row["platform"], row["xp"], row["balance"]) for row in rows]

    async def ask(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask the record as its owner."""
        connection = await asyncpg.connect(
            f"postgresql://twinstream:{self.password}@{ADDRESS}:5432/twinstream",
            server_settings={"search_path": "twinstream, public"},
        )
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return rows
        finally:
            await connection.close()

    async def prove(self) -> None:
        """Let the operator's commands find everything in order.

        Raises:
            EngineError: one of them does not.
        """
        for command in ("doctor", "audit", "status"):
            await self.server.type(f"sudo twinstream {command}")
        self.say("doctor, audit and status find nothing wrong")
