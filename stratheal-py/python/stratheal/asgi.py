"""The endpoints as an ASGI application."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from stratheal._monitor import Monitor

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


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
