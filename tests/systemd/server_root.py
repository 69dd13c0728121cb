"""A Debian 13 server as its installer leaves it, with all that the pages install within reach.

The booted server has no way out: the packages that the pages name lie in apt's own cache, and those
of requirements.txt in a folder that pip looks into.
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tests.engine.debian_roots import PIP_IN_THE_ENGINE, DebianRoots

#: Packages that Debian's installer puts on a server, as far as a page relies on them.
INSTALLED: Final = ("systemd", "systemd-sysv", "dbus", "sudo", "iproute2", "netbase")
NAME: Final = "server"
WHEELS: Final = "wheels"
APT_INSTALL: Final = re.compile(r"sudo apt install (.+)")


class ServerRoots(DebianRoots):
    """The root of the server, and those that it is made of."""

    async def copy_server(self, target: Path, requirements: Path, commands: Sequence[str]) -> None:
        """Copy a server on which these commands of pages can install what they name."""
        packages = sorted(
            {
                package
                for command in commands
                if (found := APT_INSTALL.fullmatch(command))
                for package in found[1].split()
            }
        )
        await self._finished("base", self._debootstrap)
        await self._finished("python", partial(self._python, [requirements]))
        await self._finished(NAME, partial(self._server, packages))
        await self._copy(self[NAME], target)

    async def _server(self, packages: Sequence[str], root: Path) -> None:
        await self._copy(self["base"], root)
        await self._inside(
            root,
            f"apt-get install -qq --no-install-recommends {' '.join(INSTALLED)}"
            f" && apt-get install -qq --download-only {' '.join(packages)}"
            " && rm /usr/sbin/policy-rc.d",  # a server starts a daemon that is installed
        )
        await self._copy(self["python"] / WHEELS, root / WHEELS)
        (root / "etc/pip.conf").write_text(PIP_IN_THE_ENGINE, encoding="utf-8")
