"""Measures the Python module beside its peers, and prints tables. Run it by `make bench-python`."""

import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import stratheal

HERE = Path(__file__).parent


def row(*cells: object) -> None:
    """Prints a row of a table."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def table(title: str, *head: str) -> None:
    """Begins a table."""
    print(f"\n**{title}**\n")
    row(*head)
    row(*["---"] * len(head))


def percentile(values: list[float], part: float) -> float:
    """A percentile, by rank."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def milliseconds(seconds: float) -> str:
    """For people."""
    return f"{seconds * 1e3:.3g} ms"


def imports() -> None:
    """How long the import takes beyond the start of the interpreter, warm, the two in turns."""

    def once(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    bare, ours = [], []
    for _ in range(40):
        bare.append(once("pass"))
        ours.append(once("import stratheal"))
    table("Import, median of 40", "", "time")
    row("interpreter alone", milliseconds(statistics.median(bare)))
    row("`import stratheal` beyond that", milliseconds(statistics.median(ours) - statistics.median(bare)))


def calls() -> None:
    """Reading a snapshot, and checks that do nothing, from the call to the result."""
    monitor = stratheal.Monitor()
    monitor.check("plain", interval="1h")(lambda: None)

    @monitor.check("coroutine", interval="1h")
    async def nothing() -> None:
        pass

    def each(call: Callable[[], object], times: int) -> float:
        """The median time of a call."""
        taken = []
        for _ in range(times):
            begun = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begun)
        return statistics.median(taken)

    with monitor:
        each(lambda: monitor.run("plain"), 200)
        table("Calls, median", "", "time")
        row("`snapshot()`", f"{each(monitor.snapshot, 100_000) * 1e6:.2f} us")
        row(
            "a plain check that does nothing, `run()` to result",
            f"{each(lambda: monitor.run('plain'), 5_000) * 1e6:.0f} us",
        )
        row("a coroutine that does nothing", f"{each(lambda: monitor.run('coroutine'), 5_000) * 1e6:.0f} us")
        took = [monitor.run("plain").duration or 0.0 for _ in range(5_000)]
        row("of that the plain check itself, as the engine measures it", f"{statistics.median(took) * 1e6:.0f} us")


async def heartbeat(seconds: float) -> list[float]:
    """By how much each of many waits of a millisecond was longer."""
    late = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        await asyncio.sleep(0.001)
        late.append(time.perf_counter() - begun - 0.001)
    return late


def spin() -> None:
    """Five milliseconds of work that needs the interpreter."""
    end = time.thread_time() + 0.005
    while time.thread_time() < end:
        pass


def lags() -> None:
    """What fifty checks add to the lag of an event loop."""

    async def with_checks(make: Callable[[stratheal.Monitor, int], None]) -> float:
        monitor = stratheal.Monitor()
        for number in range(50):
            make(monitor, number)
        async with monitor:
            await asyncio.sleep(0.5)
            return percentile(await heartbeat(6), 0.99)

    def native(monitor: stratheal.Monitor, number: int) -> None:
        monitor.add(f"c{number}", memory=True, interval="1s")

    def waiting(monitor: stratheal.Monitor, number: int) -> None:
        @monitor.check(f"c{number}", interval="1s", timeout="500ms")
        async def waits() -> None:
            await asyncio.sleep(0.1)

    def busy(monitor: stratheal.Monitor, number: int) -> None:
        monitor.check(f"c{number}", interval="1s", timeout="500ms")(spin)

    async def pool_of_loop() -> float:
        """The same work, fifty times a second, given to a pool by the loop, which so knows when it begins."""
        with ThreadPoolExecutor(8) as executor:

            async def work() -> None:
                loop = asyncio.get_running_loop()
                while True:
                    loop.run_in_executor(executor, spin)
                    await asyncio.sleep(0.02)

            task = asyncio.create_task(work())
            await asyncio.sleep(0.5)
            found = percentile(await heartbeat(6), 0.99)
            task.cancel()
            return found

    async def pool_of_thread() -> float:
        """The same work, fifty times a second, given to a pool by a thread: checks have a clock of their own."""
        ended = threading.Event()
        with ThreadPoolExecutor(8) as executor:

            def work() -> None:
                while not ended.wait(0.02):
                    executor.submit(spin)

            threading.Thread(target=work).start()
            await asyncio.sleep(0.5)
            found = percentile(await heartbeat(6), 0.99)
            ended.set()
            return found

    alone = percentile(asyncio.run(heartbeat(6)), 0.99)
    table("Lag of an event loop, p99 of waits of 1 ms", "", "lag", "added")
    row("alone", milliseconds(alone), "")
    for name, make in (("50 native checks a second", native), ("50 coroutines a second that wait", waiting)):
        found = asyncio.run(with_checks(make))
        row(name, milliseconds(found), milliseconds(max(found - alone, 0)))
    ours = asyncio.run(with_checks(busy))
    row("50 checks a second of 5 ms of work", milliseconds(ours), "")
    for name, pool in (("by a thread of its own", pool_of_thread), ("by the loop", pool_of_loop)):
        theirs = asyncio.run(pool())
        row(
            f"the same work, given {name} to a ThreadPoolExecutor",
            milliseconds(theirs),
            f"ours is {ours / theirs:.2f} times",
        )


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(name: str, cost: float, **variables: str) -> Iterator[int]:
    """An application in a process of its own; its port."""
    port = free_port()
    if name == "py_healthcheck":
        command = [
            "-m",
            "waitress",
            "--listen",
            f"127.0.0.1:{port}",
            "--threads",
            "8",
            "--call",
            f"applications:{name}",
        ]
    else:
        command = [
            "-m",
            "uvicorn",
            "--factory",
            f"applications:{name}",
            "--port",
            str(port),
            "--log-level",
            "error",
            "--no-access-log",
        ]
    process = subprocess.Popen([sys.executable, *command], cwd=HERE, env={**os.environ, "COST": str(cost), **variables})
    try:
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        time.sleep(1)
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Client:
    """A connection that is kept."""

    def __init__(self, port: int, path: str) -> None:
        """For one page."""
        self.port = port
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n".encode()

    async def __aenter__(self) -> "Client":
        """Connects."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hangs up."""
        self.writer.close()

    async def ask(self) -> int:
        """Asks once; the status."""
        self.writer.write(self.request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        if b"transfer-encoding: chunked" in lines:
            while (size := int(await self.reader.readuntil(b"\r\n"), 16)) > 0:
                await self.reader.readexactly(size + 2)
            await self.reader.readexactly(2)
        else:
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            await self.reader.readexactly(length)
        return int(head[9:12])


async def one_after_the_other(port: int, path: str, times: int) -> list[float]:
    """How long each request takes."""
    taken = []
    async with Client(port, path) as client:
        for _ in range(times):
            begun = time.perf_counter()
            await client.ask()
            taken.append(time.perf_counter() - begun)
    return taken


async def as_fast_as_they_go(port: int, path: str, seconds: float) -> float:
    """Requests a second over four connections."""
    end = time.perf_counter() + seconds

    async def go() -> int:
        count = 0
        async with Client(port, path) as client:
            while time.perf_counter() < end:
                await client.ask()
                count += 1
        return count

    return sum(await asyncio.gather(*(go() for _ in range(4)))) / seconds


async def open_loop(port: int, path: str, rate: int, seconds: float) -> list[float]:
    """Latencies at a rate that does not wait for answers, from when each request was due."""
    waiting: asyncio.Queue[float] = asyncio.Queue()
    taken: list[float] = []

    async def serve() -> None:
        async with Client(port, path) as client:
            while True:
                due = await waiting.get()
                await client.ask()
                taken.append(time.perf_counter() - due)

    workers = [asyncio.create_task(serve()) for _ in range(32)]
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        waiting.put_nowait(due)
    await asyncio.sleep(0.5)
    for worker in workers:
        worker.cancel()
    return taken


def endpoints() -> None:
    """The health page beside a static one, and beside pages that run checks."""
    own = free_port()
    with serving("ours", 0, LISTEN=f"127.0.0.1:{own}") as port:
        asyncio.run(one_after_the_other(port, "/static", 300))
        static: list[float] = []
        health: list[float] = []
        live: list[float] = []
        for _ in range(10):
            static += asyncio.run(one_after_the_other(port, "/static", 300))
            health += asyncio.run(one_after_the_other(port, "/monitor/health", 300))
            live += asyncio.run(one_after_the_other(port, "/monitor/readyz", 300))
        p99 = {
            name: percentile(asyncio.run(open_loop(at, path, 500, 8)), 0.99)
            for name, at, path in (
                ("the static route", port, "/static"),
                ("`/health`, mounted there", port, "/monitor/health"),
                ("`/health` at an address of its own", own, "/health"),
            )
        }
        bare = asyncio.run(as_fast_as_they_go(port, "/static", 4))
        mounted = asyncio.run(as_fast_as_they_go(port, "/monitor/health", 4))
        ours = asyncio.run(as_fast_as_they_go(own, "/health", 4))
    middle = statistics.median(static)
    table("20 checks, one of which hangs; median of one request after the other", "page", "time", "of a static route")
    row("a static route of FastAPI", milliseconds(middle), "1.00")
    row(
        "`/health`, mounted there", milliseconds(statistics.median(health)), f"{statistics.median(health) / middle:.2f}"
    )
    row("`/readyz`, mounted there", milliseconds(statistics.median(live)), f"{statistics.median(live) / middle:.2f}")
    for name, found in p99.items():
        row(f"{name}, at 500 requests a second, p99", milliseconds(found), "")
    table(
        "Requests a second over 4 connections, 20 checks",
        "",
        "checks that cost nothing",
        "checks of 5 ms",
        "ours mounted is, times",
        "ours at its own address is, times",
    )
    row("a static route of FastAPI", f"{bare:.0f}", f"{bare:.0f}", "", "")
    row("ours mounted there, of which one check hangs for 30 s", f"{mounted:.0f}", f"{mounted:.0f}", "", "")
    row("ours at an address of its own, by this client in Python", f"{ours:.0f}", f"{ours:.0f}", "", "")
    for name in ("fastapi_healthchecks", "django_health_check", "py_healthcheck"):
        rates = []
        for cost in (0, 0.005):
            with serving(name, cost) as port:
                rates.append(asyncio.run(as_fast_as_they_go(port, "/health", 4)))
        row(
            name.replace("_", "-"),
            f"{rates[0]:.0f}",
            f"{rates[1]:.0f}",
            *(f"{one / rates[0]:.1f} and {one / rates[1]:.1f}" for one in (mounted, ours)),
        )


def main() -> None:
    """Measures everything."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        imports()
        calls()
        lags()
        endpoints()


if __name__ == "__main__":
    main()
