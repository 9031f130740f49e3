"""The endpoints as a WSGI application."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from stratheal._monitor import Monitor


class WsgiApp:
    """Answers from what the monitor knows. It runs no check and waits for none.

    The monitor is started by the first request of each worker, unless the application has started it.
    """

    def __init__(self, monitor: "Monitor") -> None:
        """The endpoints of a monitor."""
        self._monitor = monitor

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answers one request."""
        method = environ.get("REQUEST_METHOD", "GET")
        if method not in {"GET", "HEAD"}:
            start_response("405 Method Not Allowed", [("Allow", "GET, HEAD"), ("Content-Length", "0")])
            return [b""]
        query = environ.get("QUERY_STRING", "")
        tag = parse_qs(query).get("tag", [None])[0] if query else None
        path, accept = environ.get("PATH_INFO", "/"), environ.get("HTTP_ACCEPT", "")
        status, kind, kept, body = self._monitor.answer(path, tag, accept, environ.get("HTTP_HOST"))
        headers = [("Content-Type", kind), ("Cache-Control", kept), ("Content-Length", str(len(body)))]
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [b"" if method == "HEAD" else body]
