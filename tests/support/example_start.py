"""Runs a program of aiogram or discord.py against the sandbox: sets the address, then runs it.

python example_start.py aiogram ADDRESS PROGRAM [ARGUMENTS]
python example_start.py discord ADDRESS GATEWAY PROGRAM [ARGUMENTS]
"""

import runpy
import sys
from pathlib import Path


def point_aiogram(address: str) -> None:
    """Let every session that names no server speak to this one."""
    from aiogram.client import telegram

    local = telegram.TelegramAPIServer.from_base(address)
    for name in ("base", "file"):
        # The default of each session is this one frozen object.
        object.__setattr__(telegram.PRODUCTION, name, getattr(local, name))


def point_discord(address: str, gateway: str) -> None:
    """Let every client speak to this API and this gateway."""
    import discord
    import yarl

    discord.http.Route.BASE = address
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)


def main() -> None:
    library, rest = sys.argv[1], sys.argv[2:]
    if library == "aiogram":
        point_aiogram(rest.pop(0))
    else:
        point_discord(rest.pop(0), rest.pop(0))
    sys.path[0] = str(Path(rest[0]).parent)
    sys.argv = rest
    runpy.run_path(rest[0], run_name="__main__")


if __name__ == "__main__":
    main()
