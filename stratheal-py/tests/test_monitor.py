"""Starting, stopping, looking, and waiting."""

import asyncio
import os
import pickle
import signal
import threading
import time
from pathlib import Path

import pytest

import stratheal
from stratheal import Monitor, Status


def test_what_does_not_run_says_so() -> None:
    monitor = Monitor()
    assert repr(monitor) == "<Monitor, not running>"
    with pytest.raises(stratheal.NotRunningError, match="start it first"):
        monitor.snapshot()
    assert monitor.stop() == []


def test_a_snapshot_tells_everything() -> None:
    monitor = Monitor()
    monitor.check("a", interval="1h", tags=["net"])(lambda: 5)
    with monitor:
        monitor.run("a")
        snapshot = monitor.snapshot()
        assert "a" in snapshot
        assert "b" not in snapshot
        assert snapshot.get("b") is None
        assert sorted(snapshot) == ["a", "stratheal.self"]
        assert len(snapshot) == 2
        state = snapshot["a"]
        assert (state.name, state.status, state.phase, state.runs) == ("a", Status.HEALTHY, "hard", state.runs)
        assert state.tags == ["net"]
        assert state.since.utcoffset() is not None
        assert snapshot.at >= state.since
        assert snapshot.to_dict()["checks"][0]["id"] == "a"
        assert '"a"' in snapshot.to_health_json()
        with pytest.raises(KeyError):
            snapshot["b"]
        with pytest.raises(stratheal.NoSuchCheckError, match="there is no check `aa`: did you mean `a`"):
            monitor.state("aa")
        assert repr(state) == "<CheckState a healthy: 5>"


def test_it_starts_and_stops_again_and_again() -> None:
    monitor = Monitor()
    monitor.check("a", interval="1h")(lambda: None)
    for _ in range(20):
        monitor.start()
        monitor.start()
        assert monitor.run("a").outcome == "done"
        monitor.stop()
        monitor.stop()
    assert not monitor.running


def test_checks_of_a_file_and_of_options(tmp_path: Path) -> None:
    file = tmp_path / "stratheal.toml"
    file.write_text('[checks.here]\nfile = "stratheal.toml"\n[environments.other.checks.here]\nfile = "nowhere"\n')
    with Monitor(file) as monitor:
        assert monitor.run("here").status is Status.HEALTHY
    with Monitor(str(file), environment="other") as monitor:
        report = monitor.run("here").report
        assert report is not None
        assert report.status is Status.CRITICAL
    with pytest.raises(stratheal.ConfigurationNotFoundError):
        Monitor(tmp_path / "none.toml")
    with pytest.raises(FileNotFoundError):
        Monitor(tmp_path / "none.toml")
    file.write_text("[checks.here]\nfle = 1\n")
    with pytest.raises(stratheal.ConfigurationError, match="did you mean `file`"):
        Monitor(file)
    monitor = Monitor()
    monitor.add("memory", memory=True, interval=5)
    monitor.add("here", file=str(file), depends_on=["memory"])
    with monitor:
        assert monitor.run("here").status is Status.HEALTHY
    with pytest.raises(ValueError, match="http"):
        monitor.add("web", htp="http://127.0.0.1/")


def test_missing_dependencies_are_named() -> None:
    monitor = Monitor()
    monitor.check("a", depends_on="b")(lambda: None)
    with pytest.raises(stratheal.ConfigurationError, match="b"):
        monitor.start()


def test_async_with_runs_coroutines_on_the_loop_that_runs() -> None:
    async def main() -> None:
        monitor = Monitor()
        seen: list[object] = []

        @monitor.check("on-loop", interval="1h")
        async def on_loop() -> None:
            seen.append(asyncio.get_running_loop())

        async with monitor:
            state = await monitor.run_async("on-loop")
            assert state.outcome == "done"
            with pytest.raises(stratheal.NoSuchCheckError):
                await monitor.run_async("none")
        assert set(seen) == {asyncio.get_running_loop()}
        assert not monitor.running

    asyncio.run(main())


def test_a_closed_loop_is_unknown_until_the_next_start() -> None:
    monitor = Monitor()

    @monitor.check("on-loop", interval="1h", timeout="300ms")
    async def on_loop() -> None:
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    monitor.start(loop=loop)
    loop.run_until_complete(asyncio.sleep(0.2))
    loop.close()
    report = monitor.run("on-loop").report
    assert report is not None
    assert report.status is Status.UNKNOWN
    assert "the event loop" in report.summary
    monitor.stop()
    with monitor:
        assert monitor.run("on-loop").outcome == "done"


def test_a_blocked_loop_is_told_from_a_broken_target_also_in_the_middle() -> None:
    async def main() -> None:
        monitor = Monitor()
        begun = asyncio.Event()

        @monitor.check("on-loop", interval="1h", timeout="300ms", initial_delay="1h")
        async def on_loop() -> None:
            begun.set()
            await asyncio.sleep(0.05)

        async with monitor:
            await monitor.run_async("on-loop")
            begun.clear()
            blocked = asyncio.ensure_future(monitor.run_async("on-loop"))
            await begun.wait()
            time.sleep(0.6)
            report = (await blocked).report
            assert report is not None
            assert report.status is Status.UNKNOWN
            assert "something blocks it" in report.summary

    asyncio.run(main())


def test_a_blocked_loop_is_told_from_a_broken_target() -> None:
    async def main() -> None:
        monitor = Monitor()

        @monitor.check("on-loop", interval="1h", timeout="300ms", initial_delay="1h")
        async def on_loop() -> None:
            await asyncio.sleep(0)

        async with monitor:
            await monitor.run_async("on-loop")
            blocked = asyncio.ensure_future(monitor.run_async("on-loop"))
            await asyncio.sleep(0)
            time.sleep(0.6)
            report = (await blocked).report
            assert report is not None
            assert report.status is Status.UNKNOWN
            assert "something blocks it" in report.summary
            assert (await monitor.run_async("on-loop")).outcome == "done"

    asyncio.run(main())


def test_a_loop_that_is_blocked_is_a_warning() -> None:
    async def main() -> None:
        async with Monitor() as monitor:
            report = (await monitor.run_async("event-loop")).report
            assert report is not None
            assert report.status is Status.HEALTHY
            assert report.metrics["lag"].value < 0.1
            await asyncio.sleep(0.2)
            blocked = asyncio.ensure_future(monitor.run_async("event-loop"))
            await asyncio.sleep(0)
            time.sleep(0.3)
            report = (await blocked).report
            assert report is not None
            assert report.status is Status.WARNING
            assert report.metrics["lag"].value > 0.2

    asyncio.run(main())


def test_events_tell_what_happens() -> None:
    async def main() -> None:
        monitor = Monitor()
        monitor.check("a", interval="100ms", timeout="50ms")(lambda: None)
        async with monitor:
            sequence = 0
            async for event in monitor.events():
                assert event.sequence > sequence
                sequence = event.sequence
                if (event.kind, event.check) == ("ran", "a"):
                    assert event.data["execution"]["outcome"] == "done"
                    break

    asyncio.run(main())
    monitor = Monitor()
    monitor.check("a", interval="100ms", timeout="50ms")(lambda: None)
    with monitor:
        assert next(event for event in monitor.events_blocking() if event.check == "a").kind in {"ran", "changed"}


def test_a_listener_is_cancelled_and_ends_with_the_monitor() -> None:
    async def main() -> None:
        monitor = Monitor()
        monitor.check("a", interval="1h", timeout="50ms")(lambda: None)
        async with monitor:

            async def listen() -> int:
                return len([event async for event in monitor.events()])

            cancelled = asyncio.create_task(listen())
            await asyncio.sleep(0.1)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            ends = asyncio.create_task(listen())
            await asyncio.sleep(0.1)
        assert await asyncio.wait_for(ends, 5) >= 0

    asyncio.run(main())


def test_pause_and_resume() -> None:
    monitor = Monitor()
    monitor.check("a", interval="1h")(lambda: None)
    with monitor:
        monitor.pause("a", "moving house")
        assert monitor.state("a").muted == "paused"
        monitor.resume("a")
        assert monitor.state("a").muted is None


def test_ctrl_c_ends_a_wait() -> None:
    monitor = Monitor()
    release = threading.Event()
    monitor.check("slow", interval="1h", timeout="20s")(lambda: release.wait(20))
    with monitor:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            monitor.run("slow")
        assert time.monotonic() - begun < 10
        release.set()


def test_exceptions_are_pickled_and_caught_as_python_people_expect() -> None:
    error = stratheal.NoSuchCheckError("there is no check `a`", retry_after=3.0)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.retry_after, type(again)) == ("there is no check `a`", 3.0, stratheal.NoSuchCheckError)
    assert isinstance(error, LookupError)
    for name in stratheal.__all__:
        kind = getattr(stratheal, name)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            assert issubclass(kind, stratheal.StrathealError)
            assert str(kind("why")) == "why"


def test_metrics_and_reports_compare_and_explain_themselves() -> None:
    metric = stratheal.Metric("used", 91.5, "%", max=100)
    assert repr(metric) == 'Metric("used", 91.5, "%")'
    assert (metric.name, metric.value, metric.unit, metric.max, metric.min) == ("used", 91.5, "%", 100.0, None)
    assert metric == stratheal.Metric("used", 91.5, "%", max=100)
    assert pickle.loads(pickle.dumps(metric)) == stratheal.Metric("used", 91.5, "%", max=100)
    report = stratheal.Report(Status.WARNING, "so", code="c", hint="h", data={"a": [1, None]}, metrics={"m": metric})
    assert report == stratheal.Report("warning", "so", code="c", hint="h", data={"a": [1, None]}, metrics={"m": metric})
    assert (report.code, report.hint, report.data, report.metrics["m"].value) == ("c", "h", {"a": [1, None]}, 91.5)
    with pytest.raises(ValueError, match="is no status"):
        stratheal.Report("fine", "so")
    assert pickle.loads(pickle.dumps(report)) == report
    with pytest.raises(TypeError, match="nothing that JSON knows"):
        stratheal.Report.healthy("so", data={"a": object()})
