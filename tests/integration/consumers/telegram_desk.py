"""The sandbox's Telegram as the tests of tags look at it."""

from sandbox import Faults, Rate, Transcript, load_seed
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

    def tag_of(self, user_id: int) -> str:
        [tag] = [
            one["tag"] for one in self.platform.world()["members"] if one["user_id"] == user_id
        ]
        return tag

    def calls(self, name: str) -> list:
        return self.transcript.calls(platform="telegram", name=name)

    def title_of(self, user_id: int) -> str:
        [title] = [
            one["custom_title"]
            for one in self.platform.world()["members"]
            if one["user_id"] == user_id
        ]
        return title
