"""Run the Telegram bot: `python -m bots.telegram_bot`."""

import sys

from bots.app import Serve, run


def _load() -> Serve:
    from .app import serve  # aiogram takes seconds to import: a missing setting is told before

    return serve


if __name__ == "__main__":
    sys.exit(run(_load, platform="telegram"))
