"""The logins of the tests of roles."""

from typing import Final

DUTIES: Final = ("owner", "consumers", "telegram_bot", "discord_bot", "web", "reader")
#: The duties of processes that apply one stream only, with fewer rights than `consumers`.
SETTLING: Final = ("to_discord", "to_telegram")
#: Of logins that live as long as the tests.
PASSWORD: Final = "password"
