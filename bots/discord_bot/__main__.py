"""Run the Discord bot: `python -m bots.discord_bot`."""

import sys

from bots.runtime.process import Serve, run


def _load() -> Serve:
    # discord.py takes its time to import: the process reports a missing setting before.
    from .app import serve

    return serve


if __name__ == "__main__":
    sys.exit(run(_load, platform="discord"))
