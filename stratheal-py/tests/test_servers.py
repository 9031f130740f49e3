"""Real web servers, with one process and with many, and the examples."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "python"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def get(port: int, path: str) -> tuple[int, bytes]:
    """Asks once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def until_answers(port: int, path: str, process: "subprocess.Popen[str]") -> tuple[int, bytes]:
    """Asks until somebody answers."""
    end = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            return get(port, path)
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "nobody answers"
        time.sleep(0.05)


@contextlib.contextmanager
def serving(*command: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A server; it has to end well when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=20)
        assert process.returncode in {0, -signal.SIGTERM}, told
        assert "Traceback" not in told
        assert "panicked" not in told
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_web_service_of_the_examples(loop: str) -> None:
    port = free_port()
    with serving(
        "uvicorn", "fastapi_service:app", "--port", str(port), "--loop", loop, "--log-level", "warning", folder=EXAMPLES
    ) as process:
        assert until_answers(port, "/", process)[0] == 200
        end = time.monotonic() + 20
        while b"queue" not in get(port, "/monitor/health/queue")[1]:
            assert time.monotonic() < end
        # One of its checks hangs for half a minute at a time.
        begun = time.monotonic()
        for _ in range(200):
            assert get(port, "/monitor/livez") == (200, b"ok\n")
        assert time.monotonic() - begun < 10
        found = json.loads(get(port, "/monitor/health")[1])["checks"]
        assert {name.split(":")[0] for name in found} >= {"queue", "backend", "disk", "memory", "event-loop"}


def test_the_worker_of_the_examples() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", EXAMPLES / "worker.py"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "reconnect: healed" in done.stdout
    assert "healthy -> critical" in done.stdout


PREFORK = """
import os, stratheal
monitor = stratheal.Monitor(details=True)
@monitor.check("pid", interval="100ms", timeout="90ms")
def pid():
    return os.getpid()
if os.environ.get("START"):
    monitor.start()
endpoints = monitor.wsgi()
def app(environ, start_response):
    if environ["PATH_INFO"] == "/pid":
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
    return endpoints(environ, start_response)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("preload", [False, True])
@pytest.mark.parametrize("start", ["", "1"])
def test_each_worker_of_a_prefork_server_has_checks_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preload: bool, start: str
) -> None:
    (tmp_path / "prefork.py").write_text(PREFORK)
    monkeypatch.setenv("START", start)
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "3", "--graceful-timeout", "5"]
    options += ["--preload"] if preload else []
    with serving("gunicorn", *options, "prefork:app", folder=tmp_path) as process:
        until_answers(port, "/livez", process)

        def workers_seen(wanted: int) -> set[str]:
            """The workers whose own check has said who they are."""
            seen: set[str] = set()
            end = time.monotonic() + 30
            while len(seen) < wanted:
                status, body = get(port, "/health/pid")
                assert status == 200
                found = json.loads(body)["checks"].get("pid:value", [])
                seen.update(str(int(one["observedValue"])) for one in found)
                assert time.monotonic() < end, seen
                time.sleep(0.01)
            return seen

        workers = workers_seen(3)
        assert str(process.pid) not in workers
        os.kill(int(next(iter(workers))), signal.SIGKILL)
        assert len(workers_seen(3) - workers) <= 1
        assert get(port, "/livez") == (200, b"ok\n")
