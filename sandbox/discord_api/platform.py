"""The Discord side of the sandbox: it serves REST and gateway, and people act through it."""

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from aiohttp import web

from sandbox.errors import SandboxError
from sandbox.faults import ANY, Faults
from sandbox.seed_data import DiscordSeed, Seed
from sandbox.transcript import Transcript

from .bodies.uploads import REQUEST_SIZE_MAX
from .chat_views import chat_views
from .editing import WorldEditor
from .gateway import Gateway
from .gateway.intents import PRIVILEGED_INTENTS, Intent
from .gateway.protocol import GatewaySettings
from .interactions import Interactions
from .payloads import overview
from .people import MemberActions, OwnerActions
from .rate_limits import Buckets, DiscordLimits
from .rest import ROUTES
from .rest_server import API_PATH, FILES_PATH, ApiState, RestServer
from .world import World, load_world, seeded_world

__all__ = ["DiscordPlatform"]

CLOSE_WITHIN_S = 1.0
GOING_DOWN = 1001
ROUTE_NAMES = frozenset(route.name for route in ROUTES)

log = structlog.get_logger("twinstream.sandbox")


class DiscordPlatform:
    """A local Discord: REST API v10 and gateway for the seed's bot, and others, in one guild.

    `limits` are the rate limits in force (`DiscordLimits().scaled(0.1)` for ten times faster);
    `privileged` are the privileged intents granted to every application. Ids are integers in
    this interface. Impossible actions of people raise SandboxError.
    """

    def __init__(
        self,
        seed: Seed | DiscordSeed,
        transcript: Transcript,
        faults: Faults,
        *,
        clock: Callable[[], float] = time.monotonic,
        limits: DiscordLimits | None = None,
        privileged: Intent = PRIVILEGED_INTENTS,
    ) -> None:
        self.api_base = ""
        self.gateway_url = ""
        self.cdn_base = ""
        self._files_url = ""
        self._seed = seed.discord if isinstance(seed, Seed) else seed
        self._limits = limits or DiscordLimits()
        self._clock = clock
        settings = GatewaySettings(
            editor=lambda: self._state.editor,
            transcript=transcript,
            faults=faults,
            limits=self._limits,
            clock=clock,
            privileged=privileged,
        )
        self.gateway = Gateway(settings)
        self._rest = RestServer(lambda: self._state, transcript, faults, privileged)
        self._runner: web.AppRunner | None = None
        self._serve_world(seeded_world(self._seed))

    # Listening

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on host and port (0 picks a free one), and set the addresses."""
        application = web.Application(client_max_size=REQUEST_SIZE_MAX)
        application.router.add_get("/gateway", self.gateway.serve)
        application.router.add_get("/gateway/", self.gateway.serve)
        self._rest.add_to(application)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=CLOSE_WITHIN_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0][1]
        self.api_base = f"http://{host}:{bound}{API_PATH}"
        self.gateway_url = f"ws://{host}:{bound}/gateway"
        self.gateway.url = self._rest.gateway_url = self.gateway_url
        self.cdn_base = f"http://{host}:{bound}"
        self._files_url = f"{self.cdn_base}{FILES_PATH}"
        self._state.editor.world.files_url = self._files_url
        log.info("discord.started", api_base=self.api_base)

    async def stop(self) -> None:
        """Close every socket and stop listening. Safe to call twice."""
        self.gateway.disconnect(GOING_DOWN)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # People

    @property
    def people(self) -> MemberActions:
        """All actions of people. The most frequent ones are also methods of this class."""
        return self._people

    @property
    def administration(self) -> OwnerActions:
        """Actions of the guild's owner, such as changes of roles and permissions."""
        return self._administration

    def say(self, channel_id: int, user_id: int, text: str, *, reply_to: int | None = None) -> int:
        """A person writes a message, perhaps as a reply. Returns its id."""
        return self._people.say(channel_id, user_id, text, reply_to=reply_to)

    def slash(
        self,
        channel_id: int,
        user_id: int,
        command: str,
        options: Mapping[str, Any] | None = None,
    ) -> int:
        """A person uses a synced slash command. Returns the interaction's id."""
        return self._people.slash(channel_id, user_id, command, options or {})

    def click(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        custom_id: str,
        values: Sequence[Any] | None = None,
    ) -> int:
        """A person clicks a button, or picks `values` of a select. Returns the interaction's id."""
        return self._people.click(channel_id, message_id, user_id, custom_id, values)

    def join(
        self,
        user_id: int | None = None,
        name: str | None = None,
        *,
        pending: bool = False,
        bot: bool = False,
    ) -> int:
        """A person joins; `pending` until they pass membership screening. Returns their id."""
        return self._people.join(user_id, name, pending=pending, bot=bot)

    def leave(self, user_id: int) -> None:
        """A member leaves."""
        self._people.leave(user_id)

    def pass_screening(self, user_id: int) -> None:
        """A pending member passes membership screening."""
        self._people.pass_screening(user_id)

    # State

    @staticmethod
    def knows(name: str) -> bool:
        """Whether a fault can be ordered for this: a route's template, a gateway event, or "*"."""
        return name == ANY or name.startswith("gateway ") or name in ROUTE_NAMES

    def world(self) -> dict[str, Any]:
        """Return the members with their roles, and the latest messages, as JSON."""
        editor = self._state.editor
        return overview(editor.world) | {"gateway_connections": self.gateway.connected}

    def chats(self, latest: int) -> dict[str, Any]:
        """Return each channel with its `latest` messages, and who is in voice channels, as JSON."""
        shown = chat_views(self._state.editor.world, self._state.interactions, latest)
        for bot in shown["bots"]:
            bot["sessions"] = self.gateway.clients(int(bot["id"]))
        return shown

    def file(self, attachment_id: int) -> bytes:
        """Return the bytes of an uploaded file. Raises SandboxError if it is not kept."""
        content = self._state.editor.world.files.get(attachment_id)
        if content is None:
            raise SandboxError(f"there is no file {attachment_id}")
        return content

    def dump(self, *, contents: bool = True) -> dict[str, Any]:
        """Return the state as JSON. It leaves out sessions and interactions.

        Without `contents`, the bytes of files are left out, too.
        """
        return self._state.editor.world.dump(contents=contents)

    def contents(self) -> dict[str, bytes]:
        """Return the bytes of all files by id. They never change."""
        return {str(key): data for key, data in self._state.editor.world.files.items()}

    @staticmethod
    def fill(state: dict[str, Any], contents: Mapping[str, bytes]) -> None:
        """Put the bytes of files into a dump without them. Any thread may do this."""
        for key, data in contents.items():
            state["files"][key] = base64.b64encode(data).decode()

    def load(self, state: dict[str, Any]) -> None:
        """Load a dump. Clients must identify again. Raises SeedError if the dump does not fit."""
        self._serve_world(load_world(state))
        self.gateway.invalidate()

    def reset(self) -> None:
        """Go back to the seed, with fresh rate limits. Clients must identify again."""
        self._serve_world(seeded_world(self._seed))
        self.gateway.invalidate()

    def _serve_world(self, world: World) -> None:
        world.files_url = self._files_url
        # A saved state goes on with the token of the seed that the platform started with.
        world.application.token = self._seed.token
        editor = WorldEditor(world, self.gateway.emit)
        interactions = Interactions(self._clock)
        buckets = Buckets(self._limits, self._clock, time.time)
        self._state = ApiState(editor, interactions, buckets)
        self._people = MemberActions(editor, interactions, self.gateway.emit)
        self._administration = OwnerActions(editor, self.gateway.show_guild)
