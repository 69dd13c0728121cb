"""Run the Telegram bot: `python -m bots.telegram_bot`."""

import sys

from bots.runtime.process import Serve, run
from config import telegram_library


def _load() -> Serve:
    # aiogram takes its time to import: the process reports a missing setting before.
    telegram_library.load()
    from .app import serve

    return serve


if __name__ == "__main__":
    sys.exit(run(_load, platform="telegram"))
