"""The examples of the pages that are for a server with systemd, and an administrator typing them.

An example is for such a server if one of its commands begins with a word of `FOR_A_SERVER`, and
none is of Compose. All of its statements are typed as they stand, in order, by a person who is not
root; the answers of that person are here.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.engine.errors import EngineError
from tests.engine.namespaces import Done
from tests.support.page_commands import ROOT, Statement, examples, statements
from tests.systemd.debian_server import ADMINISTRATOR, DebianServer

FOR_A_SERVER: Final = re.compile(r"(?:sudo|systemctl|journalctl) |cd /opt/")
FOR_COMPOSE: Final = "docker compose"
#: The pages whose examples are typed, in the order of an operator's way.
START: Final = ROOT / "docs/start.md"
PRODUCTION: Final = ROOT / "docs/production.md"
BACKUP: Final = ROOT / "docs/backup.md"
UPGRADE: Final = ROOT / "docs/upgrade.md"
WALKED: Final = (START, PRODUCTION, BACKUP, UPGRADE)
#: Where the checkout of the pages is.
APP: Final = Path("/opt/twinstream/app")
ETC: Final = Path("/etc/twinstream")
#: A command after which the shell goes on in another folder.
FOLDER_CHANGED: Final = re.compile(r"cd (\S+)")
#: Ends only by Ctrl-C. Seconds until then; what is already there comes at once.
FOLLOWING: Final = re.compile(r"(?:sudo )?journalctl .* -f")
FOLLOWED_S: Final = 2
CODE_OF_CTRL_C: Final = 124
#: The hint of journalctl when it leaves out the messages of our units, and ends with 0.
NOT_ALLOWED: Final = "not seeing messages from other users and the system"


def examples_of_a_server(page: Path) -> list[list[Statement]]:
    """Return the examples of a page that are for a server with systemd, in order."""
    found = [list(statements(example)) for example in examples(page) if FOR_COMPOSE not in example]
    return [one for one in found if any(FOR_A_SERVER.match(each.command) for each in one)]


def of_a_server(page: Path) -> list[Statement]:
    """Return the statements of a page that are for a server with systemd, in order."""
    return [statement for example in examples_of_a_server(page) for statement in example]


def statement(page: Path, pattern: str) -> Statement:
    """Return the only statement of a page whose command has a match of this pattern.

    Raises:
        EngineError: there is none, or there are several.
    """
    found = [one for one in of_a_server(page) if re.search(pattern, one.command)]
    if len({one.text for one in found}) != 1:
        raise EngineError(f"{page.name} has {len(found)} commands with {pattern!r}; expected one")
    return found[0]


class Administrator:
    """A person who types what the pages say. Their shell keeps its folder and its variables."""

    def __init__(self, server: DebianServer) -> None:
        self._server = server
        self.folder = Path("/home") / ADMINISTRATOR
        self.variables: dict[str, str] = {}
        #: Answers to the commands that ask, by a pattern of the command.
        self.answers: dict[str, str] = {r"apt install .*": "y\n"}
        #: Names of this run, by those that stand for them on the pages.
        self.filled_in: dict[str, str] = {}

    async def follow(self, typed: Iterable[Statement]) -> None:
        """Type one statement after the other.

        Raises:
            EngineError: one of them failed.
        """
        for one in typed:
            await self.type(one)

    async def type(self, one: Statement, *, may_fail: bool = False) -> Done:
        """Type a statement of a page as it stands.

        Raises:
            EngineError: it failed.
        """
        if changed := FOLDER_CHANGED.fullmatch(one.command):
            self.folder = Path(changed[1])
        text, code = one.text, 0
        if FOLLOWING.fullmatch(one.command):
            text, code = (
                one.text.replace("journalctl", f"timeout {FOLLOWED_S} journalctl"),
                CODE_OF_CTRL_C,
            )
        for name, other in self.filled_in.items():
            text = text.replace(name, other)
        done = await self._server.type(
            text,
            folder=self.folder,
            answers=self._answer(one.command),
            variables=self.variables,
            may_fail=True,
        )
        is_well = done.code == code and NOT_ALLOWED not in done.output
        if not is_well and not may_fail:
            raise EngineError(f"`{one.command}` ended with {done.code}:\n{done.output[-3000:]}")
        return done

    def _answer(self, command: str) -> str:
        found = [said for pattern, said in self.answers.items() if re.search(pattern, command)]
        return found[0] if found else ""
