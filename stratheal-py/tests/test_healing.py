"""Remedies that are written in Python."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stratheal
from stratheal import Monitor, Plan, Remedy, Report, Step

if TYPE_CHECKING:
    from stratheal._options import HealOptions

QUICK: HealOptions = {"probation": 0.2, "verify_timeout": 1, "first_pause": "10ms", "longest_pause": "50ms"}


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "it never holds"
        time.sleep(0.02)


def failing(monitor: Monitor, world: dict[str, bool]) -> None:
    """A check that is broken until the world is mended."""

    @monitor.check("web", interval="100ms", timeout="90ms", fail_after=1, recover_after=1)
    def web() -> Report:
        return Report.healthy("works") if world.get("mended") else Report.critical("broken")


def verdicts(monitor: Monitor) -> list[str]:
    return [ended["verdict"]["verdict"] for ended in monitor.healing()["ended"]]


def test_a_function_heals_and_the_check_that_failed_says_so() -> None:
    monitor, world = Monitor(), {"mended": False}
    failing(monitor, world)

    @monitor.remedy("mend", risk="local")
    def mend() -> str:
        world["mended"] = True
        return "mended it"

    monitor.heal_by("web", "mend", **QUICK)
    with monitor:
        until(lambda: monitor.healing()["ended"] != [])
        assert verdicts(monitor) == ["healed"]
        assert monitor.healing()["incidents"] == []


def test_what_does_not_help_is_taken_back_and_the_next_is_tried() -> None:
    monitor, world = Monitor(), {"mended": False}
    failing(monitor, world)
    done: list[str] = []

    @monitor.remedy("useless", risk="local")
    class Useless(Remedy):
        def plan(self, check: str, summary: str) -> Plan:
            assert (check, summary) == ("web", "broken")
            steps = [Step("first", "do the first", undoable=True), Step("second", "do the second", undoable=True)]
            return Plan("do two things", steps=steps, targets=[("thing", "both")], resources=["things"])

        def step(self, name: str, receipts: Mapping[str, Any]) -> dict[str, Any]:
            done.append(f"do {name} after {sorted(receipts)}")
            return {"was": name}

        def probe(self, name: str, receipts: Mapping[str, Any]) -> bool:
            assert receipts[name]["data"] == {"was": name}
            return f"undo {name}" not in done

        def undo(self, name: str, receipts: Mapping[str, Any]) -> None:
            done.append(f"undo {name}")

    @monitor.remedy("mend")
    def mend() -> None:
        world["mended"] = True

    monitor.heal_by("web", "useless", "mend", **QUICK)
    with monitor:
        until(lambda: len(monitor.healing()["ended"]) == 2)
        assert verdicts(monitor) == ["not-healed", "healed"]
        assert monitor.healing()["ended"][0]["verdict"]["undo"] == {"undo": "undone"}
    assert done == ["do first after []", "do second after ['first']", "undo second", "undo first"]


@pytest.mark.parametrize("where", ["plan", "step", "undo"])
def test_a_remedy_that_raises_or_lies_harms_nobody(where: str) -> None:
    monitor, world = Monitor(), {"mended": False}
    failing(monitor, world)

    @monitor.remedy("bad")
    class Bad(Remedy):
        def plan(self, check: str, summary: str) -> Plan:
            if where == "plan":
                raise SystemExit(1)
            return Plan("be bad", steps=[Step("only", "be bad", undoable=True)], targets=[("thing", "it")])

        def step(self, name: str, receipts: Mapping[str, Any]) -> str | None:
            if where == "step":
                raise ValueError("no")
            return "all is well now, believe me"

        def undo(self, name: str, receipts: Mapping[str, Any]) -> None:
            raise RuntimeError("cannot be taken back")

    @monitor.remedy("mend")
    def mend() -> None:
        world["mended"] = True

    monitor.heal_by("web", "bad", "mend", **QUICK)
    with monitor:
        until(lambda: verdicts(monitor)[-1:] == ["healed"])
        assert len(verdicts(monitor)) == (1 if where == "plan" else 2)


def test_what_was_tried_outlives_the_process_and_belongs_to_one(tmp_path: Path) -> None:
    def monitor_with(world: dict[str, bool]) -> Monitor:
        monitor = Monitor(state_dir=tmp_path / "state")
        failing(monitor, world)
        monitor.remedy("mend")(lambda: world.update(mended=True))
        monitor.heal_by("web", "mend", **QUICK)
        return monitor

    with monitor_with({}) as monitor:
        until(lambda: verdicts(monitor) == ["healed"])
        with (
            monitor_with({"mended": True}) as other,
            pytest.raises(stratheal.StateError, match="another process heals"),
        ):
            other.healing()
    assert (tmp_path / "state" / "incidents" / "000001.json").exists()
    with monitor_with({"mended": True}) as monitor:
        assert verdicts(monitor) == ["healed"], "from the journal"


def test_one_process_heals_and_another_takes_over_when_it_is_killed(tmp_path: Path) -> None:
    program = f"""
import os, pathlib, sys, time, stratheal
here = pathlib.Path({str(tmp_path)!r})
monitor = stratheal.Monitor(state_dir=here / "state")
@monitor.check("web", interval="100ms", timeout="90ms", fail_after=1, recover_after=1)
def web():
    return (here / "mended").exists()
@monitor.remedy("mend")
def mend():
    (here / "mended").write_text(str(os.getpid()))
monitor.heal_by("web", "mend", probation=0.2, verify_timeout=1, first_pause="10ms")
monitor.start()
if len(sys.argv) > 1 and os.fork() == 0:
    time.sleep(60)  # A child that inherits the lock must not keep it.
print("started", flush=True)
time.sleep(60)
"""
    first = subprocess.Popen([sys.executable, "-c", program, "fork"], stdout=subprocess.PIPE, start_new_session=True)
    second = None
    try:
        mended = tmp_path / "mended"
        until(lambda: mended.exists() and mended.read_text() == str(first.pid))
        second = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert second.stdout is not None
        second.stdout.readline()
        mended.unlink()
        until(lambda: mended.exists() and mended.read_text() == str(first.pid))
        first.kill()
        first.wait()
        mended.unlink()
        until(lambda: mended.exists() and mended.read_text() == str(second.pid))
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        for process in (first, second):
            if process is not None:
                process.kill()
                process.communicate()


def test_what_was_recorded_can_be_asked(tmp_path: Path) -> None:
    monitor, world = Monitor(state_dir=tmp_path / "state", history=True), {"mended": False}
    failing(monitor, world)
    begun = datetime.now(timezone.utc)
    with monitor:
        until(lambda: monitor.state("web").status is stratheal.Status.CRITICAL)
        world["mended"] = True
        until(lambda: monitor.state("web").status is stratheal.Status.HEALTHY)
        until(lambda: len(monitor.changes("web")) >= 2)
        runs = monitor.runs("web", since=begun)
        assert {run.check for run in runs} == {"web"}
        assert runs[0].at >= runs[-1].at >= begun.replace(microsecond=0)
        assert {run.status for run in runs} >= {stratheal.Status.CRITICAL, stratheal.Status.HEALTHY}
        assert len(monitor.runs(limit=1)) == 1
        newest = monitor.changes("web")[0]
        assert (newest.before.label, newest.after.label, newest.summary) == ("critical", "healthy", "works")
        assert monitor.runs(until=begun) == []
        with pytest.raises(ValueError, match="/"):
            monitor.runs("/")
    with pytest.raises(stratheal.ConfigurationError, match="state_dir"):
        Monitor(history=True)


def test_mistakes_are_named() -> None:
    monitor = Monitor()
    failing(monitor, {})
    with pytest.raises(ValueError, match="a risk is observe, local, disruptive or destructive"):
        monitor.remedy("mend", risk="none")(lambda: None)  # type: ignore[arg-type]
    with pytest.raises(stratheal.ConfigurationError, match="unknown key"):
        monitor.heal_by("web", "mend", probaton=1)  # type: ignore[call-arg]
    monitor.heal_by("web", "mend")
    with pytest.raises(stratheal.ConfigurationError, match="there is no such remedy"):
        monitor.start()
    with pytest.raises(stratheal.NotRunningError), Monitor() as other:
        other.healing()


def test_a_plan_that_waits_for_a_person_is_done_when_it_is_approved() -> None:
    monitor, world = Monitor(), {"mended": False}
    failing(monitor, world)

    @monitor.remedy("mend")
    def mend() -> None:
        world["mended"] = True

    options: HealOptions = {**QUICK, "approval": "confirm"}
    monitor.heal_by("web", "mend", **options)
    with monitor:
        until(lambda: bool(monitor.healing()["approvals"]))
        (approval,) = monitor.healing()["approvals"]
        assert not world["mended"]
        with pytest.raises(stratheal.StrathealError, match="no plan"):
            monitor.approve("wrong")
        assert monitor.approve(approval["token"], by="ann") == "web"
        until(lambda: verdicts(monitor) == ["healed"])
