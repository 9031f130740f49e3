"""The web applications."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import MutableMapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from wsgiref.util import setup_testing_defaults

import pytest

from stratheal import AddressError, ConfigurationError, Monitor, Report
from stratheal.asgi import RequestMetrics


@pytest.fixture
def monitor() -> Monitor:
    monitor = Monitor(details=True, hosts=["app.example"])
    monitor.check("a", interval="1h", tags=["x"])(lambda: None)
    monitor.check("b", interval="1h", fail_after=1)(lambda: Report.critical("broken"))
    return monitor


def asked(
    monitor: Monitor, path: str, *, method: str = "GET", host: str = "localhost", root: str = "", query: str = ""
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Asks the ASGI application: status, headers, body."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": root,
        "query_string": query.encode(),
        "headers": [(b"host", host.encode()), (b"accept", b"*/*")],
    }
    asyncio.run(monitor.asgi()(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_asgi_answers_from_the_cells(monitor: Monitor) -> None:
    with monitor:
        monitor.run("a")
        monitor.run("b")
        assert asked(monitor, "/livez")[0::2] == (200, b"ok\n")
        status, headers, body = asked(monitor, "/health")
        assert (status, headers[b"content-type"]) == (503, b"application/health+json")
        assert json.loads(body)["status"] == "fail"
        assert b"broken" in body
        assert asked(monitor, "/monitor/health/a", root="/monitor")[0] == 200
        assert asked(monitor, "/health", query="tag=x")[0] == 200
        assert asked(monitor, "/health/none")[0] == 404
        assert asked(monitor, "/nowhere")[0] == 404
        assert asked(monitor, "/health", method="POST")[0] == 405
        status, headers, body = asked(monitor, "/health", method="HEAD")
        assert (status, body) == (503, b"")
        assert int(headers[b"content-length"]) > 0
        assert asked(monitor, "/health", host="evil.example")[0] == 403
        assert asked(monitor, "/health", host="app.example")[0] == 503
        assert b"stratheal" in asked(monitor, "/metrics")[2]


def test_the_first_request_starts_it(monitor: Monitor) -> None:
    assert asked(monitor, "/livez")[0] == 200
    assert monitor.running
    monitor.stop()


def test_the_life_of_the_server_is_that_of_the_monitor(monitor: Monitor) -> None:
    async def main() -> None:
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        sent: list[str] = []
        running: list[bool] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message["type"])
            running.append(monitor.running)

        async def receive() -> MutableMapping[str, Any]:
            return dict(next(messages))

        await monitor.asgi()({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert running == [True, False]

    asyncio.run(main())


def test_wsgi_answers_the_same(monitor: Monitor) -> None:
    def ask(path: str, method: str = "GET", query: str = "") -> tuple[str, dict[str, str], bytes]:
        environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": query}
        setup_testing_defaults(environ)
        told: list[Any] = []
        body = b"".join(monitor.wsgi()(environ, lambda *arguments: told.append(arguments)))
        return told[0][0], dict(told[0][1]), body

    with monitor:
        monitor.run("a")
        monitor.run("b")
        assert ask("/livez")[0] == "200 OK"
        status, headers, body = ask("/health")
        assert (status, headers["Content-Type"]) == ("503 Service Unavailable", "application/health+json")
        assert json.loads(body)["status"] == "fail"
        assert ask("/health", query="tag=x")[0] == "200 OK"
        assert ask("/health", "HEAD")[2] == b""
        assert ask("/health", "PUT")[0] == "405 Method Not Allowed"


def test_requests_are_counted_and_judged() -> None:
    monitor = Monitor()

    async def application(scope: MutableMapping[str, Any], _: object, send: Any) -> None:  # noqa: ANN401
        if scope["path"] == "/raises":
            raise ValueError("no")
        await send({"type": "http.response.start", "status": 503 if scope["path"] == "/fails" else 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    counted = RequestMetrics(application, monitor=monitor, interval="1h", crit_if="error_rate > 40%")

    async def main() -> None:
        async def nothing(message: object = None) -> Any:  # noqa: ANN401
            return message

        for path in ["/", "/", "/fails", "/raises"]:
            try:
                await counted({"type": "http", "path": path}, nothing, nothing)
            except ValueError:
                assert path == "/raises"
        await counted({"type": "lifespan", "path": ""}, nothing, nothing)

    asyncio.run(main())
    with monitor:
        end = time.monotonic() + 10
        while (report := monitor.state("requests").report) is None:
            assert time.monotonic() < end
        assert (report.status.label, report.summary) == ("critical", "error_rate 50% > 40%")
        told = {name: metric.value for name, metric in report.metrics.items()}
        assert (told["requests"], told["errors"], told["error_rate"]) == (4, 2, 50)
        again = monitor.run("requests").report
        assert again is not None
        assert (again.summary, again.metrics["requests"].value) == ("no requests", 4)


def page(monitor: Monitor, path: str, **headers: str) -> tuple[int, bytes]:
    """What is served at the address of its own."""
    assert monitor.listening is not None
    url = "http://{}:{}{}".format(*monitor.listening, path)
    try:
        with urlopen(Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def test_an_application_that_serves_nothing_has_endpoints_all_the_same() -> None:
    monitor = Monitor(listen="127.0.0.1:0", details=True)
    monitor.check("a", interval="1h", fail_after=1)(lambda: Report.critical("broken"))
    assert monitor.listening is None
    with monitor:
        monitor.run("a")
        assert page(monitor, "/livez") == (200, b"ok\n")
        status, body = page(monitor, "/health")
        assert (status, json.loads(body)["status"]) == (503, "fail")
        assert b"broken" in body
        assert page(monitor, "/livez", Host="evil.example")[0] == 403
        assert monitor.listening is not None
        listening = "{}:{}".format(*monitor.listening)
        # One address belongs to one monitor, which says so before it begins anything.
        with pytest.raises(AddressError, match=f"cannot listen at {listening}: "):
            Monitor(listen=listening).start()
    assert monitor.listening is None
    # It is free again at once.
    again = Monitor(listen=listening)
    for _ in range(3):
        with again:
            assert page(again, "/startupz")[0] in (200, 503)


@pytest.mark.parametrize("listen", ["8090", "localhost:8090", "127.0.0.1:http", ""])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ConfigurationError, match="is no ADDRESS:PORT"):
        Monitor(listen=listen)


ASKS = """
import sys, time
from urllib.request import urlopen
print("ready", flush=True)
sys.stdin.readline()
time.sleep(0.2)
with urlopen(sys.argv[1], timeout=60) as answer:
    print(answer.status, time.monotonic())
"""


def test_they_answer_while_the_interpreter_is_busy() -> None:
    with Monitor(listen="127.0.0.1:0") as monitor:
        assert monitor.listening is not None
        url = "http://{}:{}/livez".format(*monitor.listening)
        command = [sys.executable, "-c", ASKS, url]
        asks = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert asks.stdout is not None
        assert asks.stdin is not None
        assert asks.stdout.readline() == "ready\n"
        # One instruction, in which nobody else has the interpreter, and which takes long enough.
        work, took = 1_000_000, 0.0
        while took < 1:
            work *= 2
            begun = time.monotonic()
            3**work
            took = time.monotonic() - begun
        asks.stdin.write("\n")
        asks.stdin.flush()
        3**work
        ended = time.monotonic()
        said = asks.communicate(timeout=60)[0].split()
        assert said[0] == "200"
        assert float(said[1]) < ended


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_does_not_keep_the_address() -> None:
    monitor = Monitor(listen="127.0.0.1:0")
    monitor.start()
    assert monitor.listening is not None
    listening = "{}:{}".format(*monitor.listening)
    forked, said = os.pipe()
    child = os.fork()
    if child == 0:
        # What is closed after a fork is closed now.
        os.write(said, b"x")
        signal.pause()
        os._exit(1)
    try:
        os.close(said)
        assert os.read(forked, 1) == b"x"
        os.close(forked)
        monitor.stop()
        with Monitor(listen=listening) as other:
            assert page(other, "/livez")[0] == 200
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
