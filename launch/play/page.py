"""The page's server: its files, the stream of the board, the deeds, and the way to the sandbox."""

import asyncio
import contextlib
import re
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from launch import private_files
from launch.errors import LaunchError
from launch.sandbox_runner import RunningSandbox
from launch.workspace import Workspace

from .board import Board
from .bots import open_bots
from .breaks import open_breaks
from .browser_checks import refusal
from .bus import open_bus
from .panels import DeedRefused, Json, Panel, Stage, kept_up
from .sandbox_gateway import SandboxGateway

__all__ = ["PANELS", "PLAY_URL_FILE", "PlayServer", "serve_page", "take_port"]

#: How each panel is opened, in the order of the page.
PANELS: tuple[Callable[[Stage], Panel], ...] = (open_bus, open_breaks, open_bots)
#: The file with the page's address, in the workspace: for whoever asks for it a second time.
PLAY_URL_FILE = "play_url"

HOST = "127.0.0.1"
ASSETS = Path(__file__).parent / "assets"
#: The kinds of files that the page consists of, and what a browser is told that they are.
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
ASSET_NAME = r"[a-z_]+(?:/[a-z_]+)*[.][a-z]+"
#: The files that anybody may see: ours and the sandbox's. They hold no secret.
PUBLIC = re.compile(rf"/|/assets/{ASSET_NAME}|/sandbox/play/{ASSET_NAME}")
GUARDED = {
    # Everything is from here; the chats read pictures that members sent into `blob:`.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob:; media-src blob:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: Seconds between two frames of a reader: ten a second look alive, and cost little.
FRAME_S = 0.1
#: Seconds of silence after which the stream says that it is alive.
HEARTBEAT_S = 10.0
READERS_MAX = 32
SHUTDOWN_S = 0.5
#: The size of a request: a file of 10 MiB in Base64, and what is said about it.
REQUEST_BYTES_MAX = 16 * 1024 * 1024


class PlayServer:
    """Serves the page on loopback. `token` lets a page use it, and is new at each start."""

    def __init__(self, board: Board, gateway: SandboxGateway, panels: Sequence[Panel]) -> None:
        self.token = secrets.token_urlsafe(24)
        self._board = board
        self._gateway = gateway
        self._deeds = {
            f"{panel.name}/{name}": deed for panel in panels for name, deed in panel.deeds.items()
        }
        self._runner: web.AppRunner | None = None
        self._host = ""
        self._readers = 0

    @property
    def url(self) -> str:
        """The address of the page, with its token. Browsers send a fragment nowhere."""
        return f"http://{self._host}/#token={self.token}"

    async def start(self, at: socket.socket | None = None) -> None:
        """Listen at a socket of `take_port`; by default on a free port, which `url` then names."""
        app = web.Application(middlewares=[self._check], client_max_size=REQUEST_BYTES_MAX)
        app.on_response_prepare.append(_guard)
        app.router.add_get("/", self._file)
        app.router.add_get(f"/assets/{{name:{ASSET_NAME}}}", self._file)
        app.router.add_get("/api/stream", self._stream)
        app.router.add_post("/api/{deed:[a-z]+/[a-z_]+}", self._do)
        app.router.add_route("*", "/sandbox/{path:.*}", self._gateway.pass_on)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=True
        )
        await self._runner.setup()
        await web.SockSite(self._runner, at or take_port()).start()
        self._host = f"{HOST}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close the socket."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        public = request.method == "GET" and PUBLIC.fullmatch(request.rel_url.raw_path) is not None
        reason = refusal(request.headers, host=self._host, token=self.token, public=public)
        return await handler(request) if reason is None else _answer(403, {"error": reason})

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        path = ASSETS / name
        if path.suffix not in KINDS or not path.is_file():
            raise web.HTTPNotFound
        content = path.read_bytes()
        return web.Response(body=content, content_type=KINDS[path.suffix], charset="utf-8")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Send the board, then what changes on it, as server-sent events."""
        if self._readers >= READERS_MAX:
            return _answer(503, {"error": "too many pages are open; close one"})
        self._readers += 1
        try:
            answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await answer.prepare(request)
            version = self._board.position(request.headers.get("Last-Event-ID", ""))
            while True:
                version, event = self._board.after(version)
                await answer.write(event or b"event: beat\ndata: {}\n\n")
                await asyncio.sleep(FRAME_S)
                await self._board.wait(version, HEARTBEAT_S)
        finally:
            self._readers -= 1

    async def _do(self, request: web.Request) -> web.Response:
        deed = self._deeds.get(request.match_info["deed"])
        if deed is None:
            return _answer(404, {"error": "the page knows no such deed"})
        try:
            asked = msgspec.json.decode(await request.read() or b"{}", type=Json)
            return _answer(200, await deed(asked))
        except (msgspec.DecodeError, RecursionError) as error:
            return _answer(400, {"error": f"this is no JSON object: {error}"})
        except DeedRefused as error:
            return _answer(409, {"error": str(error)})


def take_port(port: int = 0) -> socket.socket:
    """Take the page's port before all else is started. Port 0 picks a free one.

    Raises:
        LaunchError: it is taken, or not ours to take.
    """
    taken = socket.socket()
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, port))
        # Without this, another program that reuses addresses could take it as well.
        taken.listen()
    except OSError as error:
        taken.close()
        raise LaunchError(
            f"the page cannot listen on port {port} ({error.strerror}):"
            " choose another one with --port, or leave it out"
        ) from error
    return taken


@contextlib.asynccontextmanager
async def serve_page(
    workspace: Workspace,
    sandboxed: RunningSandbox,
    *,
    at: socket.socket,
    say: Callable[[str], None],
) -> AsyncIterator[str]:
    """Serve the page at a socket until the block ends. Yields its address, with its token."""
    stage = Stage(Board(), workspace, sandboxed, say)
    panels = [open_panel(stage) for open_panel in PANELS]
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        gateway = SandboxGateway(session, sandboxed.endpoints.control_url)
        server = PlayServer(stage.board, gateway, panels)
        await server.start(at)
        stack.push_async_callback(server.stop)
        watching = [asyncio.create_task(kept_up(panel, say)) for panel in panels]
        stack.push_async_callback(_cancelled, watching)
        file = workspace.folder / PLAY_URL_FILE
        private_files.write(file, server.url.encode("ascii"))
        stack.callback(file.unlink, missing_ok=True)
        yield server.url


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _guard(_: web.Request, answer: web.StreamResponse) -> None:
    for name, value in GUARDED.items():
        answer.headers.setdefault(name, value)


def _answer(status: int, body: Json) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )
