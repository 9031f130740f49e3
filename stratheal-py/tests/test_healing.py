"""Remedies that are written in Python."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import stratheal
from stratheal import Monitor, Plan, Remedy, Report, Step

QUICK = {"probation": 0.2, "verify_timeout": 1, "first_pause": "10ms", "longest_pause": "50ms"}


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
        with pytest.raises(stratheal.StateError, match="uses this state folder"):
            monitor_with({}).start()
    assert (tmp_path / "state" / "incidents" / "000001.json").exists()
    with monitor_with({"mended": True}) as monitor:
        assert verdicts(monitor) == ["healed"], "from the journal"


def test_mistakes_are_named() -> None:
    monitor = Monitor()
    failing(monitor, {})
    with pytest.raises(ValueError, match="a risk is observe, local, disruptive or destructive"):
        monitor.remedy("mend", risk="none")(lambda: None)  # type: ignore[arg-type]
    with pytest.raises(stratheal.ConfigurationError, match="unknown key"):
        monitor.heal_by("web", "mend", probaton=1)
    monitor.heal_by("web", "mend")
    with pytest.raises(stratheal.ConfigurationError, match="there is no such remedy"):
        monitor.start()
    with pytest.raises(stratheal.NotRunningError), Monitor() as other:
        other.healing()
