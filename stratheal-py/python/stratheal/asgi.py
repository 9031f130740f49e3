"""The endpoints as an ASGI application."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from stratheal._requests import Requests

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from stratheal._monitor import Monitor
    from stratheal._options import CheckOptions

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class AsgiApp:
    """Answers from what the monitor knows. It runs no check and waits for none.

    Mount it in Starlette or FastAPI: `app.mount("/monitor", monitor.asgi())`. Served by itself it starts and stops the
    monitor with the server. Mounted, frameworks tell it of neither, and the monitor is started by the first request
    unless the application has started it, as with `async with monitor` in its own lifespan.
    """

    def __init__(self, monitor: "Monitor") -> None:
        """The endpoints of a monitor."""
        self._monitor = monitor

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request, or follows the life of the server."""
        if scope["type"] == "http":
            await self._http(scope, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Message, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            headers = [(b"allow", b"GET, HEAD"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 405, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        path, root = scope["path"], scope.get("root_path", "")
        if root and path.startswith(root):
            path = path[len(root) :]
        accept, host = "", None
        for name, value in scope["headers"]:
            if name == b"accept":
                accept = value.decode("latin-1")
            elif name == b"host":
                host = value.decode("latin-1")
        query = scope.get("query_string", b"")
        tag = parse_qs(query.decode("latin-1")).get("tag", [None])[0] if query else None
        if not self._monitor.running:
            # Coroutines belong to the loop of the application, not to one of their own.
            self._monitor.start(loop=asyncio.get_running_loop())
        status, kind, kept, body = self._monitor.answer(path, tag, accept, host)
        headers = [
            (b"content-type", kind.encode()),
            (b"cache-control", kept.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._monitor.__aenter__()
                except Exception as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    raise
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._monitor.stop_async()
                await send({"type": "lifespan.shutdown.complete"})
                return


class RequestMetrics:
    """Middleware that counts requests, errors and latencies, and tells them as a check.

    Example: `app.add_middleware(RequestMetrics, monitor=monitor, crit_if="error_rate > 20%")`. Its metrics are
    `requests`, `errors`, `error_rate`, `latency_p50` and `latency_p99`; the last three are of the time since the run
    before.
    """

    def __init__(
        self, app: App, *, monitor: "Monitor", name: str = "requests", **options: "Unpack[CheckOptions]"
    ) -> None:
        """Counts what goes through to an application.

        Args:
            app: The application.
            monitor: The monitor that gets the check.
            name: The name of the check.
            **options: Those of `Monitor.check`.
        """
        self._app = app
        self._requests = Requests()
        monitor.check(name, **options)(self._requests.report)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes a request on, and counts it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException:
            status = 500
            raise
        finally:
            self._requests.count(status, time.perf_counter() - begun)
