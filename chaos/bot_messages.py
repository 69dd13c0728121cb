"""The bots' messages, as people see them, and the moments at which a bot was there again."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bus import Source
from launch.sandbox_client import Call, SandboxClient

#: Seconds between two looks at the transcript, which keeps far more than comes meanwhile.
LOOK_S: Final = 1.0
_TELEGRAM: Final = ("sendMessage", "editMessageText")
_DISCORD: Final = re.compile(r"(?:POST|PATCH) /(?:webhooks|channels)/")


class Said(NamedTuple):
    """A message of a bot, without markup."""

    platform: Source
    #: The account that it answers; 0 where it answers nobody, or is for everybody.
    to: int
    text: str
    at: float


class BotMessages:
    """Everything that the bots have said since the beginning."""

    def __init__(self, client: SandboxClient) -> None:
        self._client = client
        self._read_up_to = 0
        self.said: list[Said] = []
        #: The moments at which the Discord bot was shown the server: after each start.
        self.discord_starts: list[float] = []

    async def listen(self) -> None:
        """Read what is said, until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(LOOK_S)

    async def read(self) -> None:
        """Read what was said since the last call."""
        for call in await self._client.calls(after=self._read_up_to):
            self._read_up_to = call.number
            if call.name == "gateway GUILD_CREATE":
                self.discord_starts.append(call.at)
            elif (said := said_in(call)) is not None:
                self.said.append(said)


def said_in(call: Call) -> Said | None:
    """Return the message that a call showed to people; None if it showed none. Pure."""
    if call.status != 200 or not isinstance(call.response, Mapping):
        return None
    if call.platform == "telegram":
        if call.name not in _TELEGRAM or not isinstance(call.response.get("result"), Mapping):
            return None
        message: Any = call.response["result"]
        chat_id = message["chat"]["id"]
        asked = message.get("reply_to_message", {}).get("from", {}).get("id", 0)
        return Said("telegram", chat_id if chat_id > 0 else asked, message.get("text", ""), call.at)
    content = call.response.get("content")
    if not _DISCORD.match(call.name) or not content:
        return None
    asker = call.response.get("interaction_metadata", {}).get("user", {}).get("id", 0)
    return Said("discord", int(asker), content.replace("**", ""), call.at)
