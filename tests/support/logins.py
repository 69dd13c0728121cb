"""The logins of the tests of roles."""

from typing import Final

DUTIES: Final = ("owner", "consumers", "telegram_bot", "discord_bot", "web", "reader")
#: Of logins that live as long as the tests.
PASSWORD: Final = "password"
