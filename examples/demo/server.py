"""A small web server for the demo to watch.

Usage: python server.py PORT, with a Python that has what requirements.txt names

    GET /healthz   {"status": "ok", "queue": {"depth": N}}, where N goes from 0 to 100 and back within two minutes
    GET /slow      the same, half a second later

It listens on 127.0.0.1 only, prints one line when it is ready, and ends on SIGTERM or SIGINT with exit code 0.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from waitress.server import create_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOST = "127.0.0.1"
PERIOD = 120.0
"""How long the queue takes to fill and to drain again, in seconds."""
DEEPEST = 100
"""The queue's depth at its peak."""
SLOWNESS = 0.5
"""How much later `/slow` answers, in seconds."""
IDLE = 30
"""An idle connection is closed after so many seconds, so that connections do not pile up."""

STARTED = time.monotonic()


def depth(seconds: float) -> int:
    """Returns how many jobs wait: from 0 up to the peak and down again, in a straight line.

    Args:
        seconds: Time since the server started.
    """
    phase = seconds % PERIOD / PERIOD
    return round(DEEPEST * (1 - abs(2 * phase - 1)))


def answer(method: str, path: str) -> tuple[HTTPStatus, object]:
    """Returns the status and the content of an answer.

    Args:
        method: Of the request.
        path: Of the request, without a query.
    """
    if path not in ("/healthz", "/slow"):
        return HTTPStatus.NOT_FOUND, {"status": "there is no such page"}
    if method not in ("GET", "HEAD"):
        return HTTPStatus.METHOD_NOT_ALLOWED, {"status": "only GET is answered"}
    if path == "/slow":
        time.sleep(SLOWNESS)
    return HTTPStatus.OK, {"status": "ok", "queue": {"depth": depth(time.monotonic() - STARTED)}}


def application(request: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answers a request, as WSGI (PEP 3333) has it."""
    status, content = answer(request["REQUEST_METHOD"], request["PATH_INFO"])
    body = json.dumps(content).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def stop(_signal: int, _frame: object) -> None:
    """Ends the program from within a signal handler."""
    raise SystemExit(0)


def main(arguments: list[str]) -> int:
    """Serves until a signal comes.

    Args:
        arguments: The port, alone.

    Returns:
        The exit code: 1 when the port cannot be had, 2 for misuse.
    """
    match arguments:
        case [text] if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
            port = int(text)
        case _:
            print("usage: server.py PORT, with a port from 1 to 65535", file=sys.stderr)
            return 2
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        server = create_server(application, host=HOST, port=port, ident="stratheal-demo", channel_timeout=IDLE)
    except OSError as error:
        print(f"cannot listen on {HOST}:{port}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"demo server: http://{HOST}:{port}/healthz", flush=True)
    # It returns when a signal ends it, after requests that it is answering.
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
