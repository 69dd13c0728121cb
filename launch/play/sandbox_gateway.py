"""The gateway to the sandbox: passes on what the chats ask of its control interface."""

import aiohttp
import msgspec
from aiohttp import hdrs, web

__all__ = ["SandboxGateway"]

#: The headers that a request brings along. The browser's own headers stay here: the control
#: interface would take them for those of a page of another origin; the page's server has checked
#: them.
REQUEST_HEADERS = (hdrs.CONTENT_TYPE, "Last-Event-ID")
ANSWER_HEADERS = (hdrs.CONTENT_TYPE, hdrs.CONTENT_DISPOSITION, "Content-Security-Policy")
CONNECT_TIMEOUT_S = 5.0


class SandboxGateway:
    """Passes requests on to the control interface at `url`, and streams as they come."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Answer as the control interface does; with 502 while there is none."""
        path = request.rel_url.raw_path_qs.removeprefix("/sandbox")
        known = request.headers
        headers = {name: known[name] for name in REQUEST_HEADERS if name in known}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        answer: web.StreamResponse | None = None
        try:
            async with self._session.request(
                request.method,
                f"{self._url}{path}",
                headers=headers,
                data=request.content if request.body_exists else None,
                timeout=timeout,
                allow_redirects=False,
            ) as given:
                passed = {n: given.headers[n] for n in ANSWER_HEADERS if n in given.headers}
                answer = web.StreamResponse(status=given.status, headers=passed)
                await answer.prepare(request)
                async for chunk in given.content.iter_any():
                    await answer.write(chunk)
                return answer
        except (aiohttp.ClientError, TimeoutError):
            if answer is None:
                body = msgspec.json.encode({"error": "the sandbox does not answer"})
                return web.Response(status=502, body=body, content_type="application/json")
            # Half an answer must not look like a whole one.
            if request.transport is not None:
                request.transport.abort()
            return answer
