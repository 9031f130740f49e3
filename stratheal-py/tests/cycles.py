"""Does one thing again and again, and tells what the process held before and after: `cycles.py SUBJECT CYCLES`.

A process of its own, because whatever else runs in a test runner allocates as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pickle
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from held import held
from index import served

from stratheal import Environment, InstallError, Metric, Monitor, Report, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def until(holds: Callable[[], object]) -> None:
    """Waits until something holds."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it never holds"
        time.sleep(0.005)


def healed_monitor() -> None:
    """A monitor with checks of all three kinds, one of which is broken and healed."""
    monitor, world = Monitor(), {"mended": False}
    told: list[str] = []

    @monitor.check("plain", interval="1h", fail_after=2, recover_after=1)
    def plain() -> bool:
        return world["mended"]

    @monitor.check("coroutine", interval="1h")
    async def coroutine() -> int:
        await asyncio.sleep(0)
        return 1

    @monitor.remedy("mend", risk="local")
    def mend() -> None:
        world["mended"] = True

    def listen() -> None:
        told.extend(event.kind for event in monitor.events_blocking())

    monitor.add("native", memory=True, interval="1h")
    monitor.heal_by("plain", "mend", passes=1, verify_timeout="5s", probation="1ms", first_pause="1ms")
    with monitor:
        listener = threading.Thread(target=listen)
        listener.start()
        # Nothing is done about a check before it has two results.
        for name in ("plain", "plain", "coroutine", "native"):
            assert monitor.run(name).outcome == "done"
        until(lambda: monitor.healing()["ended"])
        assert monitor.state("plain").status is Status.HEALTHY
    listener.join(30)
    assert "ran" in told
    assert not listener.is_alive()


async def _in_a_loop() -> None:
    monitor = Monitor()

    @monitor.check("coroutine", interval="1h")
    async def coroutine() -> None:
        await asyncio.sleep(0)

    async with monitor:
        events = monitor.events()
        await monitor.run_async("coroutine")
        dropped = monitor.events()
        # Whoever waits for an event is called off when there is none any more.
        with contextlib.suppress(asyncio.TimeoutError):
            while (await asyncio.wait_for(anext(events), 0.002)).sequence:
                pass
        await monitor.run_async("coroutine")
        assert (await anext(dropped)).sequence > 0


def monitor_in_a_loop() -> None:
    """A loop that begins and ends, with a monitor in it, and events that nobody reads to the end."""
    asyncio.run(_in_a_loop())


def recorded_monitor() -> None:
    """A monitor that writes down what happens, and another that is asked for it."""
    with TemporaryDirectory() as folder:
        monitor = Monitor(state_dir=folder, history=True)
        monitor.check("plain", interval="1h")(lambda: 1)
        with monitor:
            monitor.run("plain")
        with Monitor(state_dir=folder, history=True) as reader:
            assert reader.runs("plain")
            assert reader.changes("plain")


@contextlib.contextmanager
def running() -> Iterator[Monitor]:
    """A monitor that goes on, with checks that find, and that raise."""
    monitor = Monitor()

    @monitor.check("raises", interval="1h")
    def raises() -> None:
        raise ValueError("x" * 10_000)

    @monitor.check("raises-on-loop", interval="1h")
    async def raises_on_loop() -> None:
        raise asyncio.CancelledError

    @monitor.check("finds", interval="1h")
    def finds() -> Report:
        return report(0)

    with monitor:
        yield monitor


def report(number: int) -> Report:
    """A report with all that it may have."""
    metrics: dict[str, float | Metric] = {"value": number, "used": Metric("used", 91.5, "%", min=0, max=100)}
    data = {"many": [{"number": number, "text": "y" * 100}] * 50, "none": None, "truth": True}
    return Report.warning("x" * 2_000, code="so-so", metrics=metrics, data=data, hint="look")


def run_of_checks(monitor: Monitor) -> None:
    """Runs that find something, and that end badly."""
    assert monitor.run("raises").outcome == "failed"
    assert monitor.run("raises-on-loop").outcome == "failed"
    found = monitor.run("finds").report
    assert found is not None
    assert found.metrics["used"].value == 91.5


def registered_check(monitor: Monitor) -> None:
    """A check that comes, is paused, and goes while everything runs."""
    monitor.check("guest", interval="1h")(lambda: 1)
    assert monitor.run("guest").outcome == "done"
    monitor.pause("guest", "for a moment")
    monitor.resume("guest")
    monitor.remove("guest")


def dropped_events(monitor: Monitor) -> None:
    """Events that nobody asks for, and some that nobody reads to the end."""
    monitor.events()
    events = monitor.events_blocking()
    monitor.events_blocking()
    monitor.run("finds")
    assert next(events).data["event"]


def views(monitor: Monitor) -> None:
    """All that can be looked at."""
    snapshot = monitor.snapshot()
    assert snapshot.to_dict()["checks"]
    assert snapshot.to_health_json()
    assert [state.report for state in snapshot.checks if state.name in snapshot]
    assert monitor.answer("/metrics", None, "", "localhost")[3]


def reports(_: Monitor) -> None:
    """Reports that are made, copied and refused."""
    made = report(1)
    assert pickle.loads(pickle.dumps(made)) == made
    assert (made.data["none"], made.metrics["used"].max) == (None, 100)
    with contextlib.suppress(TypeError):
        Report.healthy("refused", data={"deep": [{"unknown": object()}]})


def environment(one: Environment) -> None:
    """All that may be asked of an environment, changed, refused and called off."""
    told: list[str] = []
    for version in ("2.0", "1.0"):
        assert one.install(f"alpha=={version}", progress=lambda step: told.append(step.what)).changed
    assert told
    with contextlib.suppress(InstallError):
        assert not one.install("nothing-of-that-name")
    assert one.verify()
    assert one.snapshots()
    asyncio.run(_called_off(one))


async def _called_off(one: Environment) -> None:
    task = asyncio.ensure_future(one.install_async("alpha==2.0"))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await one.install_async("alpha==1.0")


def _in_one_environment(cycles: int) -> None:
    """Cycles that all change the same environment; a hundredth of the others, because each makes many files."""
    with TemporaryDirectory() as folder, served() as index:
        index.add("alpha", "1.0")
        index.add("alpha", "2.0")
        here, url = Path(folder), index.url
        one = Environment(here / "venv", base=sys.executable, index=url, cache_dir=here / "c", state_dir=here / "s")
        for _ in range(max(4, cycles // 100)):
            environment(one)


def _in_one_monitor(once: Callable[[Monitor], None]) -> Callable[[int], None]:
    """Cycles that all have the same monitor."""

    def many(cycles: int) -> None:
        with running() as monitor:
            for _ in range(cycles):
                once(monitor)

    return many


def _side_by_side(once: Callable[[], None], each: int = 1) -> Callable[[int], None]:
    """Cycles that have a monitor each, four at a time: they mostly wait. Of slow ones there are fewer."""

    def some(cycles: range) -> int:
        for _ in cycles:
            once()
        return len(cycles)

    def many(cycles: int) -> None:
        with ThreadPoolExecutor(4) as pool:
            shares = [range(first, cycles, 4 * each) for first in range(0, 4 * each, each)]
            assert sum(pool.map(some, shares)) == len(range(0, cycles, each))

    return many


SUBJECTS = {
    **{once.__name__: _side_by_side(once) for once in (healed_monitor, monitor_in_a_loop)},
    recorded_monitor.__name__: _side_by_side(recorded_monitor, each=10),
    environment.__name__: _in_one_environment,
    **{
        once.__name__: _in_one_monitor(once)
        for once in (run_of_checks, registered_check, dropped_events, views, reports)
    },
}


def main() -> None:
    """Warms up, and compares what there is then with what there is at the end."""
    logging.disable()
    many, cycles = SUBJECTS[sys.argv[1]], int(sys.argv[2])
    tracemalloc.start()
    many(max(20, cycles // 10))
    before, begun = held(), time.monotonic()
    many(cycles)
    seconds = time.monotonic() - begun
    after = held()
    print(json.dumps({"before": before._asdict(), "after": after._asdict(), "seconds": round(seconds, 2)}))


if __name__ == "__main__":
    main()
