"""A small web server for the demo to watch.

Usage: python3 server.py PORT

    GET /healthz   {"status": "ok", "queue": {"depth": N}}, where N goes from 0 to 100 and back within two minutes
    GET /slow      the same, half a second later

It listens on 127.0.0.1 only, prints one line when it is ready, and ends on SIGTERM or SIGINT with exit code 0.
"""

import json
import signal
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
PERIOD = 120.0
"""How long the queue takes to fill and to drain again, in seconds."""
DEEPEST = 100
"""The queue's depth at its peak."""
SLOWNESS = 0.5
"""How much later `/slow` answers, in seconds."""


def depth(seconds: float) -> int:
    """Returns how many jobs wait: from 0 up to the peak and down again, in a straight line.

    Args:
        seconds: Time since the server started.
    """
    phase = seconds % PERIOD / PERIOD
    return round(DEEPEST * (1 - abs(2 * phase - 1)))


class Handler(BaseHTTPRequestHandler):
    """Answers the two paths."""

    protocol_version = "HTTP/1.1"
    server_version = "stratheal-demo"
    timeout = 30
    """An idle connection is closed after so many seconds, so that connections do not pile up."""

    started = time.monotonic()

    def do_GET(self) -> None:
        """Answers a GET request."""
        if self.path == "/slow":
            time.sleep(SLOWNESS)
        elif self.path != "/healthz":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        state = {"status": "ok", "queue": {"depth": depth(time.monotonic() - self.started)}}
        body = json.dumps(state).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
        """Stays silent: a line for every probe would bury what `stratheal up` prints."""


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
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        print(f"cannot listen on {HOST}:{port}: {error.strerror}", file=sys.stderr)
        return 1
    with server:
        print(f"demo server: http://{HOST}:{port}/healthz", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
