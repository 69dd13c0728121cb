"""Run the Telegram bot: `python -m bots.telegram_bot`."""

import sys

from bots.app import run

from .app import serve

if __name__ == "__main__":
    sys.exit(run(serve, platform="telegram"))
