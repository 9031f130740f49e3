"""Services and healing as a configuration says, inside an application."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stratheal
from stratheal import Monitor, Status

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"


def until(holds: Callable[[], object], what: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


def looks_after(monitor: Monitor) -> bool:
    """Whether it is the one that runs the service."""
    try:
        return bool(monitor.services()[0]["pid"])
    except stratheal.StateError:
        return False


def tasks() -> int:
    """Threads of this process, the library's included."""
    return len(list(Path("/proc/self/task").iterdir()))


def settings(port: int) -> dict[str, Any]:
    """A web server, and the check that says whether it works."""
    return {
        "services": {"web": {"run": [sys.executable, "-c", SERVER.format(port=port)], "check": "page"}},
        "checks": {
            "page": {"http": f"http://127.0.0.1:{port}/", "interval": "200ms", "timeout": "150ms", "fail_after": 2}
        },
        "heal": {"page": {"ladder": ["restart-service"], "probation": "300ms"}},
    }


def pid_of(monitor: Monitor) -> int:
    (service,) = monitor.services()
    pid: int = service["pid"]
    return pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(params=["program", "interpreter"])
def keeper(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who keeps services: the native program, or another interpreter."""
    if request.param == "interpreter":
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
    elif subprocess.run(["stratheal", "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("the program `stratheal` is not in PATH")
    return str(request.param)


@pytest.mark.usefixtures("keeper")
def test_a_service_that_is_killed_comes_back(tmp_path: Path, port: int) -> None:
    with Monitor(settings(port), state_dir=tmp_path / "state", supervise=True) as monitor:
        until(lambda: monitor.state("page").status is Status.HEALTHY, "the page works")
        first = pid_of(monitor)
        os.kill(first, signal.SIGKILL)
        until(lambda: monitor.healing()["ended"], "healed")
        until(lambda: monitor.state("page").status is Status.HEALTHY, "the page works again")
        (ended,) = monitor.healing()["ended"]
        assert ended["verdict"]["verdict"] == "healed"
        second = pid_of(monitor)
        assert second != first
        assert monitor.services()[0]["state"] == "ready"
    assert not is_alive(second), "it ends with the monitor"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="which signals are ignored is read from /proc")
@pytest.mark.usefixtures("keeper")
def test_what_the_interpreter_ignores_a_service_does_not(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"grep SigIgn /proc/self/status >{told}.new; mv {told}.new {told}; exec sleep 60"
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN
    services = {"services": {"plain": {"run": ["/bin/sh", "-c", script]}}}
    with Monitor(services, state_dir=tmp_path / "state", supervise=True):
        until(told.exists, "it has told")
    # Those above 31 belong to the C library.
    assert int(told.read_text().split()[1], 16) & 0x7FFFFFFF == 0


def test_a_person_stops_it_and_it_stays_so(tmp_path: Path, port: int) -> None:
    with Monitor(settings(port), state_dir=tmp_path / "state", supervise=True) as monitor:
        until(lambda: monitor.state("page").status is Status.HEALTHY, "the page works")
        pid = pid_of(monitor)
        monitor.stop_service("web")
        assert not is_alive(pid)
        time.sleep(1)
        assert monitor.services()[0]["state"] == "stopped"
        assert monitor.healing()["ended"] == []
        monitor.start_service("web")
        until(lambda: monitor.state("page").status is Status.HEALTHY, "the page works again")
        monitor.restart_service("web")
        with pytest.raises(stratheal.NoSuchServiceError, match="did you mean `web`"):
            monitor.start_service("wab")


def test_it_works_in_coroutines_beside_checks_and_remedies_of_the_application(tmp_path: Path, port: int) -> None:
    monitor = Monitor(settings(port), state_dir=tmp_path / "state", supervise=True)
    world = {"broken": True}

    @monitor.check("own", interval="100ms", fail_after=1)
    async def own() -> bool:
        return not world["broken"]

    @monitor.remedy("mend", risk="local")
    def mend() -> str:
        world["broken"] = False
        return "mended"

    monitor.heal_by("own", "mend", probation="200ms")

    async def work() -> None:
        async with monitor:
            while (
                monitor.state("page").status is not Status.HEALTHY or monitor.state("own").status is not Status.HEALTHY
            ):
                await asyncio.sleep(0.02)
            await monitor.restart_service_async("web")
            await monitor.stop_service_async("web")
            await monitor.start_service_async("web")
            await monitor.add_async("later", file=str(tmp_path))
            assert (await monitor.run_async("later")).status is Status.HEALTHY
            await monitor.pause_async("later", "a test")
            await monitor.resume_async("later")
            await monitor.remove_async("later")
            assert "later" not in monitor.snapshot()
            assert await monitor.heal_async() <= 1, "what is broken, or was a moment ago"

    asyncio.run(work())


def test_checks_depend_on_services(tmp_path: Path, port: int) -> None:
    given = settings(port)
    given["checks"]["behind"] = {"file": str(tmp_path), "interval": "200ms", "depends_on": ["service/web"]}
    monitor = Monitor(given, state_dir=tmp_path / "state", supervise=True)
    monitor.check("own", interval="200ms", depends_on=["service/web"])(lambda: True)
    other = Monitor(given, state_dir=tmp_path / "state", supervise=True)
    other.check("own", interval="200ms", depends_on=["service/web"])(lambda: True)
    with monitor:
        monitor.add("more", file=str(tmp_path), depends_on=["service/web"])
        with pytest.raises(stratheal.ConfigurationError, match="service/wob"):
            monitor.add("less", file=str(tmp_path), depends_on=["service/wob"])
        assert "less" not in monitor.snapshot()
        with other:
            until(lambda: other.state("service/web").status is Status.HEALTHY, "known to the other")
            until(lambda: other.state("own").status is Status.HEALTHY, "runs in the other")


def test_one_that_supervises_and_that_nobody_holds_ends(tmp_path: Path, port: int) -> None:
    def begun() -> tuple[int, int]:
        monitor = Monitor(settings(port), state_dir=tmp_path / "state", supervise=True)
        monitor.start()
        until(lambda: monitor.services()[0]["pid"], "it runs")
        return pid_of(monitor), tasks()

    pid, threads = begun()
    gc.collect()
    until(lambda: not is_alive(pid), "its services end")
    until(lambda: tasks() < threads, "its threads end")
    with Monitor(settings(port), state_dir=tmp_path / "state", supervise=True) as another:
        until(lambda: looks_after(another), "the folder is free")


def test_a_ladder_that_cannot_be_is_told_at_the_start(tmp_path: Path, port: int) -> None:
    monitor = Monitor(settings(port), state_dir=tmp_path / "state", supervise=True)
    monitor.heal_by("page", "mend")
    with pytest.raises(stratheal.ConfigurationError, match="no such remedy"):
        monitor.start()
    assert not monitor.running


def test_services_do_not_run_unless_somebody_says_so(port: int) -> None:
    with Monitor(settings(port)) as monitor:
        assert "service/web" not in monitor.snapshot()
        with pytest.raises(stratheal.NotRunningError, match="supervise=True"):
            monitor.services()
    with pytest.raises(stratheal.ConfigurationError, match="without a config"):
        Monitor(supervise=True)
    with pytest.raises(stratheal.ConfigurationError, match="did you mean"):
        Monitor({"checks": {"page": {"htp": "http://127.0.0.1/"}}})


GREEDY = """
import os, signal, stratheal, sys, threading, time
stop = threading.Event()

def reap():
    while not stop.is_set():
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pass
        time.sleep(0.001)

threading.Thread(target=reap).start()
with stratheal.Monitor(sys.argv[1], state_dir=sys.argv[2], supervise=True) as monitor:
    def healthy(pid=None):
        end = time.monotonic() + 20
        while monitor.state("page").status.label != "healthy" or monitor.services()[0]["pid"] in (None, pid):
            assert time.monotonic() < end, monitor.services()
            time.sleep(0.02)
        return monitor.services()[0]["pid"]
    first = healthy()
    os.kill(first, signal.SIGKILL)
    print(healthy(first) != first, flush=True)
    monitor.stop_service("web")
stop.set()
"""


def written(tmp_path: Path, port: int) -> Path:
    """The configuration as a file."""
    file = tmp_path / "stratheal.toml"
    run = [sys.executable, "-c", SERVER.format(port=port)]
    file.write_text(
        f"[services.web]\nrun = {run!r}\ncheck = 'page'\n"
        f"[checks.page]\nhttp = 'http://127.0.0.1:{port}/'\ninterval = '200ms'\n"
    )
    return file


@pytest.mark.usefixtures("keeper")
def test_a_host_that_waits_for_every_child_takes_nothing_away(tmp_path: Path, port: int) -> None:
    command = [sys.executable, "-c", GREEDY, str(written(tmp_path, port)), str(tmp_path / "state")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.returncode) == ("True\n", 0), ended.stderr


OTHER = """
import stratheal, sys, time
with stratheal.Monitor(sys.argv[1], state_dir=sys.argv[2], supervise=True) as monitor:
    print("runs", flush=True)
    while True:
        time.sleep(1)
"""


def test_one_process_supervises_and_another_takes_over(tmp_path: Path, port: int) -> None:
    file = written(tmp_path, port)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, file, tmp_path / "state"], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "runs\n"
        with Monitor(file, state_dir=tmp_path / "state", supervise=True) as monitor:
            until(lambda: monitor.state("page").status is Status.HEALTHY, "the page works")
            with pytest.raises(stratheal.StateError, match="another process"):
                monitor.services()
            other.kill()
            other.wait()

            until(lambda: looks_after(monitor), "taken over")
            assert monitor.services()[0]["restarts"] == 0, "it went on meanwhile"


WORKER = """
import os, stratheal, sys, time
folder = sys.argv[1]
monitor = stratheal.Monitor(state_dir=folder + "/state")
monitor.add("folder", file=folder, interval="200ms")

@monitor.check("host", interval="200ms", fail_after=1, scope="host")
def host():
    return stratheal.Report.warning("found by %d" % os.getpid(), metrics={"found": 7, "nothing": float("nan")})

@monitor.check("own", interval="200ms")
def own():
    return stratheal.Report.healthy("found by %d" % os.getpid())

with monitor:
    print(os.getpid(), flush=True)
    for line in sys.stdin:
        print(monitor.state(line.strip()).summary, monitor.state(line.strip()).status.label, flush=True)
"""


class Worker:
    """A process of an application that has several."""

    def __init__(self, folder: Path) -> None:
        """Starts it."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = int(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, check: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{check}\n")
        self.process.stdin.flush()
        return self._line()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_what_is_about_the_host_runs_in_one_process_and_the_others_repeat_it(tmp_path: Path) -> None:
    first, second = Worker(tmp_path), Worker(tmp_path)
    try:
        until(lambda: second.ask("host") == f"found by {first.pid} warning", "repeated")
        until(lambda: second.ask("folder").endswith("healthy"), "repeated as well")
        assert second.ask("own") == f"found by {second.pid} healthy", "what is about the process each runs itself"
        first.end()
        until(lambda: second.ask("host") == f"found by {second.pid} warning", "taken over")
    finally:
        first.end()
        second.end()


def test_a_scope_is_one_of_two() -> None:
    with pytest.raises(stratheal.ConfigurationError, match="neither"):
        Monitor().add("web", http="http://127.0.0.1/", scope="machine")
