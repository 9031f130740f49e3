"""A small web server for the demo to watch, and to break.

Usage: python server.py PORT PAYMENTS, with a Python that has what requirements.txt names. PAYMENTS is the port of
something it needs, which is somebody else's.

    GET /healthz   {"status": "ok", "queue": {"depth": N}}, where N goes from 0 to 100 and back within two minutes;
                   503 while nobody answers at PAYMENTS
    GET /slow      the same, half a second later

It listens on 127.0.0.1 only, prints one line when it is ready, and ends on SIGTERM or SIGINT with exit code 0. What it
must remember is in queue.json: it does not start with one that it cannot read.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from http import HTTPStatus
from pathlib import Path
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

PATIENCE = 0.2
"""How long somebody else may take to answer, in seconds."""
MEMORY = Path("queue.json")
"""How full the queue was, in seconds of its period."""

STARTED = time.monotonic()


def remembered() -> float:
    """Returns where in its period the queue was when the server ended.

    Raises:
        ValueError: The file is damaged.
    """
    if not MEMORY.exists():
        return 0.0
    found = json.loads(MEMORY.read_text(encoding="utf-8"))
    return float(found["seconds"])


def remember(seconds: float) -> None:
    """Writes down where in its period the queue is: all of it, or nothing."""
    beside = MEMORY.with_suffix(".new")
    beside.write_text(json.dumps({"seconds": seconds % PERIOD}), encoding="utf-8")
    beside.replace(MEMORY)


def answers(port: int) -> bool:
    """Returns whether somebody listens at a port of this machine."""
    try:
        socket.create_connection((HOST, port), PATIENCE).close()
    except OSError:
        return False
    return True


def depth(seconds: float) -> int:
    """Returns how many jobs wait: from 0 up to the peak and down again, in a straight line.

    Args:
        seconds: Time since the server started.
    """
    phase = seconds % PERIOD / PERIOD
    return round(DEEPEST * (1 - abs(2 * phase - 1)))


class Application:
    """What the server does, as WSGI (PEP 3333) has it."""

    def __init__(self, payments: int, before: float) -> None:
        """Begins.

        Args:
            payments: The port of what is needed from others.
            before: Where in its period the queue was, in seconds.
        """
        self.payments = payments
        self.before = before

    def seconds(self) -> float:
        """Returns where in its period the queue is."""
        return self.before + time.monotonic() - STARTED

    def answer(self, method: str, path: str) -> tuple[HTTPStatus, object]:
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
        elif not answers(self.payments):
            return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "payments do not answer"}
        return HTTPStatus.OK, {"status": "ok", "queue": {"depth": depth(self.seconds())}}

    def __call__(self, request: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Answers a request."""
        status, content = self.answer(request["REQUEST_METHOD"], request["PATH_INFO"])
        body = json.dumps(content).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]


def stop(_signal: int, _frame: object) -> None:
    """Ends the program from within a signal handler."""
    raise SystemExit(0)


def port_of(text: str) -> int | None:
    """Returns the port that a text names, if it names one."""
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 65536 else None


def main(arguments: list[str]) -> int:
    """Serves until a signal comes.

    Args:
        arguments: Its own port, and that of what it needs.

    Returns:
        The exit code: 1 when it cannot start, 2 for misuse.
    """
    ports = [port_of(text) for text in arguments]
    match ports:
        case [int(port), int(payments)]:
            pass
        case _:
            print("usage: server.py PORT PAYMENTS, with ports from 1 to 65535", file=sys.stderr)
            return 2
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        application = Application(payments, remembered())
    except (ValueError, KeyError, TypeError) as error:
        print(f"cannot read {MEMORY}: {error}", file=sys.stderr)
        return 1
    try:
        server = create_server(application, host=HOST, port=port, ident="stratheal-demo", channel_timeout=IDLE)
    except OSError as error:
        print(f"cannot listen on {HOST}:{port}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"demo server: http://{HOST}:{port}/healthz", flush=True)
    # It returns when a signal ends it, after requests that it is answering.
    server.run()
    remember(application.seconds())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
