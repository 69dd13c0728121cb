"""The sandbox's Discord as the tests of roles look at it."""

from typing import Self

import msgspec

from config import Settings
from sandbox import Call, Faults, Transcript, load_seed
from sandbox.discord_api import DiscordLimits, DiscordPlatform
from sandbox.discord_api.gateway.intents import PRIVILEGED_INTENTS, Intent

VERA, ALICE, BORIS, STRANGER = (
    800000000000000100,
    800000000000000101,
    800000000000000102,
    800000000000000777,
)
NEWCOMER, REGULAR, VETERAN = 900000000000000101, 900000000000000102, 900000000000000103
LUCKY, BOOSTER, BOT_ROLE = 900000000000000110, 900000000000000111, 900000000000000100
GUILD = 900000000000000001
MEMBER_ROLE = "/guilds/{guild_id}/members/{user_id}/roles/{role_id}"
GIVE, TAKE, LOOK = (
    f"PUT {MEMBER_ROLE}",
    f"DELETE {MEMBER_ROLE}",
    "GET /guilds/{guild_id}/members/{user_id}",
)
LIST, COUNTS = "GET /guilds/{guild_id}/members", "GET /guilds/{guild_id}/roles/member-counts"


class Server:
    """The sandbox's Discord, its wire log, and its faults."""

    def __init__(
        self, *, limit_scale: float = 0.01, privileged: Intent = PRIVILEGED_INTENTS
    ) -> None:
        self.transcript, self.faults = Transcript(), Faults()
        limits = DiscordLimits().scaled(limit_scale)
        self.platform = DiscordPlatform(
            load_seed(), self.transcript, self.faults, limits=limits, privileged=privileged
        )

    async def __aenter__(self) -> Self:
        await self.platform.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.platform.stop()

    def known_to(self, settings: Settings) -> Settings:
        """Return the settings with the addresses of this sandbox."""
        return msgspec.structs.replace(
            settings,
            discord_token=load_seed().discord.token,
            discord_api_base=self.platform.api_base,
            discord_gateway_url=self.platform.gateway_url,
            discord_cdn_base=self.platform.cdn_base,
        )

    def roles_of(self, user_id: int) -> set[int]:
        [member] = [
            one for one in self.platform.world()["members"] if int(one["user"]["id"]) == user_id
        ]
        return {int(role) for role in member["roles"]}

    def calls(self, name: str) -> list[Call]:
        return self.transcript.calls(platform="discord", name=name)

    def looks_at(self, user_id: int) -> int:
        """The number of times that a client asked for this member's roles."""
        return sum(str(user_id) in str(call.request) for call in self.calls(LOOK))

    def refusals(self) -> list[Call]:
        """The calls that were forbidden."""
        return [call for call in self.transcript.calls(platform="discord") if call.status == 403]
