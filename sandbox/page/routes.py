"""The routes of the page: its files, and the stream of changes."""

import secrets
from pathlib import Path

import msgspec
from aiohttp import web

from .browser_checks import TOKEN_HEADER
from .feed import Feed, TooManyReaders

__all__ = ["PAGE_PATH", "TOKEN_HEADER", "PageRoutes", "safe_file"]

#: Where the page is. Its files hold no secret: the token comes with the address that is printed.
PAGE_PATH = "/play/"
ASSETS = Path(__file__).parent / "assets"
#: The kinds of files that the page consists of, and what a browser is told that they are.
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
#: Everything is from here; pictures that members sent are read into `blob:` by the page's own code.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
GUARDED = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: Seconds of silence after which the stream says that it is alive.
HEARTBEAT_SECONDS = 10.0
#: Pictures by their first bytes. All else that members send is a file to save.
PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


class PageRoutes:
    """Serves the page. `token` lets it use the control interface, and is new at each start."""

    def __init__(self, feed: Feed) -> None:
        self.token = secrets.token_urlsafe(24)
        self._feed = feed

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/", self._to_page)
        app.router.add_get(PAGE_PATH.rstrip("/"), self._to_page)
        app.router.add_get(PAGE_PATH, self._file)
        app.router.add_get(PAGE_PATH + "{name:[a-z_/]+[.][a-z]+}", self._file)
        app.router.add_get("/stream", self._stream)

    @staticmethod
    def serves(path: str) -> bool:
        """Tell whether a path is one of the page's own files, which anybody may see."""
        return path == "/" or path.startswith(PAGE_PATH) or path == PAGE_PATH.rstrip("/")

    async def _to_page(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": PAGE_PATH})

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        path = (ASSETS / name).resolve()
        if path.suffix not in KINDS or ASSETS.resolve() not in path.parents or not path.is_file():
            raise web.HTTPNotFound
        kind = KINDS[path.suffix]
        return web.Response(
            body=path.read_bytes(), headers=GUARDED, content_type=kind, charset="utf-8"
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Send the state, then each change, as server-sent events, until the request is cancelled.

        A reader that is slow is not waited for: it misses what is no longer kept, and then gets the
        whole state anew. `Last-Event-ID` goes on where a lost connection ended.
        """
        try:
            self._feed.enter()
        except TooManyReaders:
            body = msgspec.json.encode({"error": "too many pages are open; close one"})
            return web.Response(status=503, body=body, content_type="application/json")
        try:
            answer = web.StreamResponse(headers=GUARDED | {"Content-Type": "text/event-stream"})
            await answer.prepare(request)
            version = self._feed.position(request.headers.get("Last-Event-ID", ""))
            while True:
                version, events = self._feed.after(version)
                for event in events:
                    await answer.write(event)
                if not await self._feed.wait(version, HEARTBEAT_SECONDS):
                    await answer.write(b"event: beat\ndata: {}\n\n")
        finally:
            self._feed.leave()


def safe_file(content: bytes) -> web.Response:
    """Answer with a file that a member or bot sent: a picture, or else something to save.

    The type is never the sender's: a page of theirs would be one of ours.
    """
    kind = "application/octet-stream"
    for beginning, name in PICTURES:
        if content.startswith(beginning):
            kind = name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "image/webp"
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "Content-Disposition": "inline" if kind.startswith("image/") else "attachment",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return web.Response(body=content, headers=headers, content_type=kind)
