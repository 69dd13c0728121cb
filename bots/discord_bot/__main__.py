"""Run the Discord bot: `python -m bots.discord_bot`."""

import sys

from bots.app import run

from .app import serve

if __name__ == "__main__":
    sys.exit(run(serve, platform="discord"))
