"""Checks that are written in Python: what they return, raise, and do to others."""

import asyncio
import contextlib
import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

import stratheal
from stratheal import CheckState, Monitor, Report, Status


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    monitor = Monitor()
    yield monitor
    monitor.stop(0)


def found(monitor: Monitor, function: Callable[[], object]) -> CheckState:
    """What a check with this function finds."""
    monitor.check("it", timeout="2s")(function)
    monitor.start()
    return monitor.run("it")


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end, "it never holds"
        time.sleep(0.01)


class Whole:
    """A number that is neither an int nor a float, as those of other libraries are."""

    def __index__(self) -> int:
        """Is four."""
        return 4


@pytest.mark.parametrize(
    ("value", "status", "value_found"),
    [
        (None, Status.HEALTHY, None),
        (True, Status.HEALTHY, None),
        (False, Status.CRITICAL, None),
        (7, Status.HEALTHY, 7.0),
        (1.5, Status.HEALTHY, 1.5),
        (Decimal("2.5"), Status.HEALTHY, 2.5),
        (Whole(), Status.HEALTHY, 4.0),
        (Report.warning("so so", metrics={"value": 3}), Status.WARNING, 3.0),
    ],
)
def test_what_a_check_may_return(monitor: Monitor, value: object, status: Status, value_found: float | None) -> None:
    state = found(monitor, lambda: value)
    assert state.report is not None
    assert state.report.status is status
    metric = state.report.metrics.get("value")
    assert (metric.value if metric is not None else None) == value_found
    assert state.outcome == "done"


@pytest.mark.parametrize("value", ["7", b"7", [1], {}, object(), float("nan"), float("inf"), 10**400, lambda: 1])
def test_nonsense_is_unknown_and_says_what_is_wanted(monitor: Monitor, value: object) -> None:
    state = found(monitor, lambda: value)
    assert state.report is not None
    assert state.report.status is Status.UNKNOWN
    assert "the check returned" in state.summary


def test_a_coroutine_that_nobody_awaits_is_explained(monitor: Monitor) -> None:
    async def forgotten() -> int:
        return 1

    coroutines = [forgotten()]
    state = found(monitor, lambda: coroutines[0])
    assert "a coroutine needs `async def`" in state.summary
    coroutines.pop().close()


def test_what_is_raised_is_kept_with_its_type_and_traceback(monitor: Monitor) -> None:
    def broken() -> None:
        raise ValueError("no \udcff way")

    state = found(monitor, broken)
    assert state.summary.startswith("ValueError: no ")
    assert state.report is not None
    assert (state.report.status, state.outcome) == (Status.UNKNOWN, "failed")
    assert state.report.data["exception"] == "ValueError"
    assert "in broken" in state.report.data["traceback"]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
@pytest.mark.parametrize("on_loop", [False, True])
def test_nothing_that_is_raised_gets_out(monitor: Monitor, kind: type[BaseException], on_loop: bool) -> None:
    def plain() -> None:
        raise kind

    async def coroutine() -> None:
        raise kind

    state = found(monitor, coroutine if on_loop else plain)
    assert state.summary.startswith(kind.__name__)
    assert monitor.run("it").summary.startswith(kind.__name__), "whoever called it lives"


def test_an_exception_that_cannot_be_shown_is_shown_all_the_same(monitor: Monitor) -> None:
    class ShyError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("do not look")

    def broken() -> None:
        raise ShyError

    assert found(monitor, broken).summary == "ShyError: (cannot be shown)"


def test_huge_results_are_cut(monitor: Monitor) -> None:
    state = found(monitor, lambda: Report.healthy("x" * 1_000_000, data={"big": "y" * 1_000_000}))
    assert len(state.summary) <= 1024
    assert state.report is not None
    assert len(str(state.report.data)) < 32 * 1024


def test_conditions_judge_numbers_and_metrics(monitor: Monitor) -> None:
    monitor.check("depth", warn_if="> 100", crit_if=["> 1000"])(lambda: 120)
    monitor.check("metric", crit_if="used > 90%")(lambda: Report.healthy("x", metrics={"used": 95}))
    monitor.start()
    depth = monitor.run("depth").report
    assert depth is not None
    assert (depth.status, depth.summary) == (Status.WARNING, "value 120 > 100")


def test_times_may_be_texts_seconds_and_timedeltas(monitor: Monitor) -> None:
    times: list[str | float | timedelta] = ["10s", 10, 10.5, timedelta(minutes=1)]
    for number, interval in enumerate(times):
        monitor.check(f"c{number}", interval=interval)(lambda: None)
    with pytest.raises(stratheal.ConfigurationError, match="intervall: unknown key: did you mean `interval`"):
        monitor.check("wrong", intervall="10s")(lambda: None)  # type: ignore[call-arg]
    with pytest.raises(stratheal.ConfigurationError, match="interval: "):
        monitor.check("wrong", interval="soon")(lambda: None)


def test_a_check_that_hangs_is_cut_off_and_named_and_nothing_else_waits(monitor: Monitor) -> None:
    release = threading.Event()
    monitor.check("hangs", timeout="300ms", interval="1h")(lambda: release.wait(30))
    monitor.check("well", timeout="2s", interval="1h")(lambda: None)
    monitor.start()
    assert monitor.run("hangs").outcome == "timed-out"
    again = monitor.run("hangs")
    assert again.report is not None
    assert (again.report.code, again.report.status) == ("stuck", Status.UNKNOWN)
    assert monitor.run("well").outcome == "done"
    assert monitor.stop(0) == ["hangs"]
    release.set()


def has_lock() -> bool:
    return getattr(sys, "_is_gil_enabled", lambda: True)()


@pytest.mark.skipif(not has_lock(), reason="without a lock of the interpreter nobody waits for it")
def test_functions_that_work_take_turns_and_those_that_wait_do_not(monitor: Monitor) -> None:
    spans: dict[str, list[tuple[float, float]]] = {"work": [], "wait": []}

    def spin(seconds: float) -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    def work() -> None:
        begun = time.monotonic()
        spin(0.02)
        spans["work"].append((begun, time.monotonic()))

    def wait() -> None:
        begun = time.monotonic()
        # As for a handshake.
        spin(0.003)
        time.sleep(0.3)
        spans["wait"].append((begun, time.monotonic()))

    for number in range(3):
        monitor.check(f"works-{number}", interval="1h")(work)
        monitor.check(f"waits-{number}", interval="1h")(wait)
    with monitor, ThreadPoolExecutor(6) as pool:
        # What they are is known once they have run.
        until(lambda: all(state.runs for state in monitor.snapshot().checks))
        for kind in spans:
            spans[kind].clear()
            assert all(pool.map(monitor.run, [f"{kind}s-{number}" for number in range(3)] * 2))

    def overlap(kind: str) -> bool:
        ordered = sorted(spans[kind])
        assert len(ordered) >= 3
        return any(late[0] < early[1] for early, late in pairwise(ordered))

    assert not overlap("work")
    assert overlap("wait")


def test_one_that_works_for_ever_holds_up_nobody_for_ever(monitor: Monitor) -> None:
    release = threading.Event()

    def works(limit: float) -> None:
        end = time.thread_time() + limit
        while time.thread_time() < end and not release.is_set():
            pass

    limit = {"hangs": 0.002, "well": 0.002}
    monitor.check("hangs", timeout="3s", interval="1h")(lambda: works(limit["hangs"]))
    monitor.check("well", timeout="2s", interval="1h")(lambda: works(limit["well"]))
    with monitor, ThreadPoolExecutor(1) as pool:
        until(lambda: all(state.runs for state in monitor.snapshot().checks))
        limit["hangs"] = 60
        hanging = pool.submit(monitor.run, "hangs")
        assert monitor.run("well").outcome == "done"
        assert not hanging.done()
        release.set()
        assert hanging.result(10).outcome == "done"


def test_stuck_threads_are_replaced_until_there_are_too_many() -> None:
    release = threading.Event()
    monitor = Monitor(threads=40)
    for number in range(33):
        monitor.check(f"hangs-{number}", timeout="200ms", interval="1h")(lambda: release.wait(60))
    monitor.check("well", timeout="1s", interval="1h", initial_delay="1h")(lambda: None)
    with monitor:
        until(lambda: len(monitor._core.stuck()) >= 32)
        state = monitor.run("well")
        assert state.report is not None
        assert state.report.status is Status.UNKNOWN
        assert "threads are stuck" in state.summary
        release.set()
        until(lambda: monitor.run("well").outcome == "done")


def test_a_coroutine_that_takes_too_long_is_cancelled(monitor: Monitor) -> None:
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    monitor.check("slow", timeout="200ms", interval="1h")(slow)
    monitor.start()
    assert monitor.run("slow").outcome == "timed-out"
    until(lambda: ended == ["cancelled"])


def test_one_that_swallows_its_cancellation_is_stuck(monitor: Monitor) -> None:
    release = threading.Event()

    async def stubborn() -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    monitor.check("stubborn", timeout="200ms", interval="1h")(stubborn)
    monitor.start()
    assert monitor.run("stubborn").outcome == "timed-out"
    again = monitor.run("stubborn")
    assert again.report is not None
    assert again.report.code == "stuck"
    release.set()
    until(lambda: monitor.run("stubborn").outcome == "done")


def test_classes_and_callable_objects_are_checks(monitor: Monitor) -> None:
    class Depth(stratheal.Check):
        options = {"warn_if": "> 1"}  # noqa: RUF012

        def check(self) -> int:
            return 2

    class Lag(stratheal.Check):
        async def check(self) -> float:
            await asyncio.sleep(0)
            return 0.5

    class Callable:
        async def __call__(self) -> bool:
            return False

    monitor.add(Depth("depth"))
    monitor.add(Lag("lag"), interval=5)
    monitor.check("called")(Callable())
    monitor.start()
    reports = {name: monitor.run(name).report for name in ("depth", "lag", "called")}
    assert {name: report.status.label for name, report in reports.items() if report is not None} == {
        "depth": "warning",
        "lag": "healthy",
        "called": "critical",
    }


def test_a_name_belongs_to_one_function_and_a_reload_takes_its_place(monitor: Monitor) -> None:
    def make(value: int) -> Callable[[], int]:
        def depth() -> int:
            return value

        return depth

    def other() -> int:
        return 3

    monitor.check("depth")(make(1))
    monitor.start()
    assert monitor.run("depth").summary == "1"
    monitor.check("depth")(make(2))
    assert monitor.run("depth").summary == "2"
    with pytest.raises(stratheal.DuplicateError, match="the check `depth` is "):
        monitor.check("depth")(other)
    monitor.remove("depth")
    monitor.check("depth")(other)
    assert monitor.run("depth").summary == "3"


def test_a_thousand_checks(monitor: Monitor) -> None:
    for number in range(1_000):
        monitor.check(f"c{number}", interval="1h", timeout="20s")(lambda: None)
    monitor.start()
    until(lambda: all(state.runs > 0 for state in monitor.snapshot().checks if state.name.startswith("c")))
    assert {state.report.status for state in monitor.snapshot().checks if state.report} == {Status.HEALTHY}


def test_a_monitor_that_nobody_holds_ends_with_its_threads() -> None:
    before = threading.active_count()
    monitor = Monitor()
    monitor.check("it", interval="1h")(lambda: None)
    monitor.start()
    monitor.run("it")
    del monitor
    gc.collect()
    until(lambda: threading.active_count() <= before)


def test_functions_are_let_go() -> None:
    def depth() -> int:
        return 1

    held = weakref.ref(depth)
    monitor = Monitor()
    monitor.check("depth")(depth)
    with monitor:
        monitor.run("depth")
    del monitor, depth
    gc.collect()
    until(lambda: held() is None)


def test_a_status_is_a_status_and_truth_of_others_is_truth(monitor: Monitor) -> None:
    class bool_:  # noqa: N801  # As numpy calls it.
        def __bool__(self) -> bool:
            return False

        def __float__(self) -> float:
            return 0.0

    monitor.check("status", interval="1h")(lambda: Status.CRITICAL)
    monitor.check("truth", interval="1h")(lambda: bool_())
    monitor.start()
    reports = [monitor.run(name).report for name in ("status", "truth")]
    assert [report.status for report in reports if report is not None] == [Status.CRITICAL, Status.CRITICAL]


def test_coroutines_have_their_loop_from_the_first_run_on() -> None:
    monitor = Monitor()
    for number in range(20):

        @monitor.check(f"c{number}", interval="1h", fail_after=1, recover_after=1)
        async def well() -> None:
            await asyncio.sleep(0)

    with monitor:
        until(lambda: all(state.runs > 0 for state in monitor.snapshot().checks if state.name.startswith("c")))
        found = {state.status for state in monitor.snapshot().checks if state.name.startswith("c")}
        assert found == {Status.HEALTHY}


def test_many_threads_may_ask_what_does_not_run() -> None:
    monitor = Monitor()
    asked: list[int] = []

    def ask() -> None:
        for _ in range(500):
            with pytest.raises(stratheal.NotRunningError):
                monitor.snapshot()
        asked.append(1)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(asked) == 4


def test_a_check_that_others_depend_on_may_be_replaced_and_a_refused_change_changes_nothing(monitor: Monitor) -> None:
    def make(value: int) -> Callable[[], int]:
        def depth() -> int:
            return value

        return depth

    monitor.check("base")(make(1))
    monitor.check("above", depends_on="base")(lambda: None)
    monitor.start()
    monitor.check("base")(make(2))
    assert monitor.run("base").summary == "2"
    with pytest.raises(stratheal.ConfigurationError):
        monitor.remove("base")
    with pytest.raises(stratheal.ConfigurationError):
        monitor.check("wrong", depends_on="nowhere")(lambda: None)
    with pytest.raises(stratheal.DuplicateError):
        monitor.add("base", memory=True)
    with pytest.raises(stratheal.NoSuchCheckError):
        monitor.remove("nowhere")
    monitor.stop()
    monitor.start()
    assert monitor.run("base").summary == "2"
