"""The sandbox's Telegram as the tests of tags look at it."""

from typing import Self

import msgspec

from config import Settings
from sandbox import Call, Faults, Rate, Transcript, load_seed
from sandbox.telegram_api import TelegramLimits, TelegramPlatform

VERA, ALICE, BORIS, ADA, STRANGER = 1000, 1001, 1002, 1009, 4242
SET, SET_TITLE, LOOK = "setChatMemberTag", "setChatAdministratorCustomTitle", "getChatMember"
UNLIMITED = TelegramLimits(Rate(10**6, 1.0), Rate(10**6, 1.0), Rate(10**6, 1.0))


class Group:
    """The sandbox's Telegram, its wire log, and its faults."""

    def __init__(self) -> None:
        self.transcript, self.faults = Transcript(), Faults()
        self.platform = TelegramPlatform(
            load_seed().telegram, self.transcript, self.faults, limits=UNLIMITED
        )

    async def __aenter__(self) -> Self:
        await self.platform.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.platform.stop()

    def known_to(self, settings: Settings) -> Settings:
        """Return the settings with the address of this sandbox."""
        return msgspec.structs.replace(
            settings,
            telegram_token=load_seed().telegram.token,
            telegram_api_base=self.platform.api_base,
        )

    def tag_of(self, user_id: int) -> str:
        [tag] = [
            one["tag"] for one in self.platform.world()["members"] if one["user_id"] == user_id
        ]
        return str(tag)

    def calls(self, name: str) -> list[Call]:
        return self.transcript.calls(platform="telegram", name=name)

    def title_of(self, user_id: int) -> str:
        [title] = [
            one["custom_title"]
            for one in self.platform.world()["members"]
            if one["user_id"] == user_id
        ]
        return str(title)
