"""Uses of the package that type checkers accept with the right types, and wrong ones that they refuse.

Nobody runs this: `test_types.py` has it checked. An `ignore` says that its line is an error, and of which kind. Where
it is none, the ignore is unused, which is an error; where something became `Any`, `assert_type` does not hold.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from typing_extensions import assert_type

import stratheal
from stratheal import Environment, Metric, Monitor, Plan, Remedy, Report, Status, Step

# Checks.


def decorators_give_back_what_they_are_given(monitor: Monitor) -> None:
    @monitor.check("plain", interval="10s", timeout=2.5, stale_after=timedelta(minutes=1), warn_if=["> 1", "> 2"])
    def plain() -> int:
        return 1

    @monitor.check("coroutine", depends_on="plain", tags=("net",), probes=["readiness"], on_error="warning")
    async def coroutine() -> Report | None:
        return None

    @monitor.remedy("mend", risk="local")
    def mend() -> str:
        return "mended"

    @monitor.remedy("rebuild")
    class Rebuild(Remedy):
        def rebuilt(self) -> bool:
            return True

    async def awaits() -> None:
        assert_type(await coroutine(), Report | None)

    assert_type(plain, Callable[[], int])
    assert_type(mend(), str)
    assert_type(Rebuild().rebuilt(), bool)


def options_of_checks(monitor: Monitor) -> None:
    monitor.check("wrong", intervall="10s")  # type: ignore[call-arg]
    monitor.check("wrong", interval=[])  # type: ignore[arg-type]
    monitor.check("wrong", fail_after="3")  # type: ignore[arg-type]
    monitor.check("wrong", warn_if=100)  # type: ignore[arg-type]
    monitor.check("wrong", on_timeout="bad")  # type: ignore[arg-type]
    monitor.check("wrong", probes=["aliveness"])  # type: ignore[list-item]
    monitor.check(stratheal.Check("wrong"))  # type: ignore[arg-type]
    monitor.check("wrong")(lambda argument: argument)  # type: ignore[type-var]


class QueueDepth(stratheal.Check):
    options = {"interval": "10s"}  # noqa: RUF012

    def check(self) -> float:
        return 1.0


class LagOfLoop(stratheal.Check):
    async def check(self) -> bool:
        return True


def added_checks(monitor: Monitor) -> None:
    monitor.add(QueueDepth("queue"), interval=5)
    monitor.add(LagOfLoop("lag"))
    monitor.add("web", http="http://127.0.0.1/")
    assert_type(QueueDepth("queue").check(), float)
    monitor.add(QueueDepth)  # type: ignore[arg-type]
    monitor.add(lambda: 1)  # type: ignore[arg-type]


def reports() -> None:
    used = Metric("used", 91.5, "%", max=100)
    report = Report.warning("long", code="long", metrics={"depth": 120, "used": used}, data={"a": []}, hint="look")
    assert_type(report, Report)
    assert_type(report.status, Status)
    assert_type(report.metrics, dict[str, Metric])
    assert_type(report.metrics["depth"].value, float)
    assert_type(report.metrics["depth"].max, float | None)
    assert_type(report.hint, str | None)
    Report(Status.HEALTHY, "well")
    Report("healthy", ValueError("anything that can be shown"))
    Report(None, "well")  # type: ignore[arg-type]
    Report("healthy")  # type: ignore[call-arg]
    Report.healthy("well", "ok")  # type: ignore[call-arg]
    Report.healthy("well", metrics={"depth": "120"})  # type: ignore[dict-item]
    Report.healthy("well", metrics=[120])  # type: ignore[arg-type]
    Report.healthy("well", data=[1])  # type: ignore[arg-type]
    Report.healthy("well", hint=1)  # type: ignore[arg-type]
    Report.fine("well")  # type: ignore[attr-defined]
    Metric("used", "91.5")  # type: ignore[arg-type]
    Metric("used", 91.5, "%", 0)  # type: ignore[call-arg]
    report.summary = "short"  # type: ignore[misc]

    class Own(Report): ...  # type: ignore[misc]  # It is final.


# How things are.


def looking(monitor: Monitor) -> None:
    snapshot = monitor.snapshot()
    assert_type(snapshot, stratheal.Snapshot)
    assert_type(snapshot["web"].status, Status)
    assert_type(snapshot["web"].status.label, str)
    assert_type(snapshot.get("web"), stratheal.CheckState | None)
    assert_type(list(snapshot), list[str])
    assert_type(snapshot.checks, list[stratheal.CheckState])
    assert_type(snapshot.to_dict(), dict[str, Any])
    state = monitor.run("web")
    assert_type(state.report, Report | None)
    assert_type(state.since, datetime)
    assert_type(state.duration, float | None)
    assert_type(monitor.stop(), list[str])
    assert_type(stratheal.status_codes(), dict[str, int])
    _ = snapshot[0]  # type: ignore[index]
    _ = state.report.status  # type: ignore[union-attr]  # Before the first run there is none.
    _ = snapshot.get("web").status  # type: ignore[union-attr]


def recorded(monitor: Monitor, since: datetime) -> None:
    runs = monitor.runs("web", since=since, limit=10)
    assert_type(runs, list[stratheal.RunRow])
    check, at, status, outcome, duration, metrics = runs[0]
    assert_type((check, at, status), tuple[str, datetime, Status])
    assert_type((outcome, duration, metrics), tuple[str, float, dict[str, float]])
    change = monitor.changes()[0]
    assert_type((change.before, change.after, change.summary), tuple[Status, Status, str])
    monitor.runs("web", since="1h")  # type: ignore[arg-type]
    monitor.runs("web", since)  # type: ignore[call-arg]
    _ = runs[0].metric  # type: ignore[attr-defined]


async def in_a_loop(monitor: Monitor) -> None:
    async with monitor as entered:
        assert_type(entered, Monitor)
        assert_type(await monitor.run_async("web"), stratheal.CheckState)
        assert_type(monitor.events(), AsyncIterator[stratheal.Event])
        async for event in monitor.events():
            assert_type(event.check, str | None)
            assert_type(event.data, dict[str, Any])
        for event in monitor.events():  # type: ignore[attr-defined]
            print(event)
    assert_type(await monitor.stop_async(), list[str])
    monitor.run_async("web")  # type: ignore[unused-coroutine]


def in_a_thread(monitor: Monitor) -> None:
    with monitor as entered:
        assert_type(entered, Monitor)
        assert_type(monitor.events_blocking(), Iterator[stratheal.Event])


def monitors() -> None:
    Monitor(Path("stratheal.toml"), environment="production", threads=4, hosts=["host"], state_dir=Path("state"))
    assert_type(Monitor(listen="127.0.0.1:0").listening, tuple[str, int] | None)
    Monitor(listen=8090)  # type: ignore[arg-type]
    Monitor(configuration="stratheal.toml")  # type: ignore[call-arg]
    Monitor(threads="8")  # type: ignore[arg-type]


# Remedies.


class Restart(Remedy):
    def plan(self, check: str, summary: str) -> Plan | None:
        steps = [Step("stop", "stop it", undoable=True), Step("start", "start it")]
        return Plan("restart it", steps=steps, targets=[("service", "web")]) if summary else None

    def step(self, name: str, receipts: Mapping[str, Any]) -> dict[str, Any]:
        return {"was": name}


class WrongPlan(Remedy):
    def plan(self, check: str, summary: str) -> str:  # type: ignore[override]
        return "restart it"


class WrongStep(Remedy):
    def step(self, name: str) -> None:  # type: ignore[override]
        return None


def remedies(monitor: Monitor, risk: Literal["observe", "destructive"]) -> None:
    assert_type(Restart().plan("web", "down"), Plan | None)
    assert_type(Remedy().probe("stop", {}), bool | None)
    monitor.remedy("restart", risk=risk)(Restart)
    monitor.remedy("restart", risk="none")  # type: ignore[arg-type]
    monitor.remedy("restart", "local")  # type: ignore[call-arg]
    monitor.remedy("restart")(Restart())  # type: ignore[type-var]  # The class, not an object of it.
    Plan("restart it", steps=["stop"], targets=[("service", "web")])  # type: ignore[list-item]
    Plan("restart it", steps=[], targets=["web"])  # type: ignore[list-item]
    Step("stop", "stop it", True)  # type: ignore[call-arg]
    monitor.heal_by("web", "restart", "rebuild", approval="confirm", probation=30)
    assert_type(monitor.healing(), dict[str, Any])
    assert_type(monitor.heal("web"), int)
    monitor.heal_by("web", "restart", aproval="confirm")  # type: ignore[call-arg]
    monitor.heal_by("web", "restart", approval="perhaps")  # type: ignore[arg-type]
    assert_type(monitor.approve("token", by="ann"), str)
    monitor.heal_by("web", Restart)  # type: ignore[arg-type]
    monitor.heal_by("web", ["restart"])  # type: ignore[arg-type]


# Environments.


def environments(environment: Environment) -> None:
    installed = environment.install("flask", files=[Path("more.txt"), "lock.toml"], exact=True, engine="pip")
    assert_type(installed, stratheal.Installation)
    assert_type(installed.changes[0].action, Literal["install", "replace", "remove"])
    assert_type(installed.changes[0].old, str | None)
    assert_type(installed.how, Literal["created", "exchanged", "replaced"] | None)
    assert_type(environment.uninstall("flask"), stratheal.Installation)
    assert_type(environment.lock("flask").packages, dict[str, str])
    assert_type(environment.verify().findings[0].severity, Literal["note", "warning", "conflict", "damage"])
    assert_type(environment.repair().unmended, dict[str, str])
    assert_type(environment.snapshot("label").created, datetime)
    assert_type(environment.snapshots(), list[stratheal.SnapshotRow])
    assert_type(environment.rollback("last-good").before, int | None)
    environment.rollback(environment.snapshot().number, paths=[Path("bin")])
    Environment(Path(".venv"), deadline=timedelta(minutes=2), mirrors=["http://127.0.0.1/simple/"])


def wrong_uses_of_environments(environment: Environment) -> None:
    environment.install("flask", exactly=True)  # type: ignore[call-arg]
    environment.install("flask", files=Path("requirements.txt"))  # type: ignore[arg-type]
    environment.install("flask", files=[1])  # type: ignore[list-item]
    environment.install("flask", engine="conda")  # type: ignore[arg-type]
    environment.install("flask", exact="yes")  # type: ignore[arg-type]
    environment.install(["flask"])  # type: ignore[arg-type]
    environment.install("flask", progress=lambda: None)  # type: ignore[arg-type, misc]
    environment.lock("flask", exact=True)  # type: ignore[call-arg]
    environment.rollback()  # type: ignore[call-arg]
    environment.rollback(environment.snapshot())  # type: ignore[arg-type]
    environment.verify(True)  # type: ignore[call-arg]
    environment.install("flask").changed = True  # type: ignore[misc]
    Environment(".venv", mirror="http://127.0.0.1/")  # type: ignore[call-arg]


async def environments_in_a_loop(environment: Environment) -> None:
    told: list[stratheal.Progress] = []
    assert_type(await environment.install_async("flask", progress=told.append), stratheal.Installation)
    assert_type((await environment.verify_async()).whole, bool)
    assert_type(await environment.snapshots_async(), list[stratheal.SnapshotRow])
    assert_type(told[0].received, int | None)


# The package.


def what_there_is() -> None:
    assert_type(stratheal.__version__, str)
    assert_type(Status(2), Status)
    assert_type(int(Status.CRITICAL), int)
    _ = stratheal.Enviroment  # type: ignore[attr-defined]
    _ = stratheal.Core  # type: ignore[attr-defined]  # It is inside.


def errors(environment: Environment) -> None:
    try:
        environment.install("flask")
    except stratheal.UnreachableError as error:
        assert_type(error.retry_after, float | None)
    except (stratheal.InstallError, LookupError) as error:
        assert_type(str(error), str)
