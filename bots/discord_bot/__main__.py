"""Run the Discord bot: `python -m bots.discord_bot`."""

import sys

from bots.app import Serve, run


def _load() -> Serve:
    from .app import serve  # discord.py takes its time to import: a missing setting is told before

    return serve


if __name__ == "__main__":
    sys.exit(run(_load, platform="discord"))
