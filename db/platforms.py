"""The two platforms, as the tables spell them."""

from typing import Final, Literal

Platform = Literal["telegram", "discord"]

PLATFORMS: Final[tuple[Platform, Platform]] = ("telegram", "discord")
