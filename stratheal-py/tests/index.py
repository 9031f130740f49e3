"""A package index on loopback, and wheels for it."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def wheel(name: str, version: str, requires: Sequence[str] = (), size: int = 0) -> tuple[str, bytes]:
    """A wheel with one module that knows its version; its file name and content."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}/__init__.py": f'VERSION = "{version}"\n'.encode(),
        f"{name}/data.bin": b"x" * size,
        f"{info}/METADATA": (metadata + "".join(f"Requires-Dist: {one}\n" for one in requires)).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


class Index:
    """What an index serves, and how it misbehaves."""

    def __init__(self) -> None:
        """One without projects."""
        self.files: dict[str, bytes] = {}
        self.url = ""
        self.broken = False
        self.corrupt = False
        self.retry_after: str | None = None
        self.asked = 0
        self.hold = Event()
        """While it is not set, files stop in the middle."""
        self.hold.set()
        self.held = Event()

    def add(self, name: str, version: str, requires: Sequence[str] = (), size: int = 0) -> None:
        file, content = wheel(name, version, requires, size)
        self.files[file] = content

    def page(self, project: str) -> bytes | None:
        wheels = [name for name in self.files if name.split("-")[0] == project]
        links = (
            f'<a href="/files/{name}#sha256={hashlib.sha256(self.files[name]).hexdigest()}">{name}</a>\n'
            for name in wheels
        )
        return "".join(links).encode() if wheels else None


def _handler(index: Index) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index.asked += 1
            if index.broken:
                self._send(503, b"", "text/plain")
                return
            kind, _, rest = self.path.strip("/").partition("/")
            content = index.files.get(rest) if kind == "files" else index.page(rest.strip("/"))
            if content is None:
                self._send(404, b"", "text/plain")
                return
            if kind == "files" and index.corrupt:
                content = content[:-1] + bytes([content[-1] ^ 1])
            self._send(200, content, "application/octet-stream" if kind == "files" else "text/html")

        def _send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            if index.retry_after is not None:
                self.send_header("retry-after", index.retry_after)
            self.end_headers()
            half = len(content) // 2
            try:
                self.wfile.write(content[:half])
                if status == 200 and self.path.startswith("/files/") and not index.hold.is_set():
                    self.wfile.flush()
                    index.held.set()
                    index.hold.wait(60)
                self.wfile.write(content[half:])
            except OSError:  # Whoever has asked has left.
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    return Handler


@contextmanager
def served() -> Iterator[Index]:
    """An index that runs."""
    index = Index()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(index))
    server.daemon_threads = True
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple/"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield index
    finally:
        index.hold.set()
        server.shutdown()
        server.server_close()
