"""Plots what a monitor has recorded: a metric of a check over time, on bands that show how the check was.

The monitor is one with `Monitor(state_dir=STATE_DIR, history=True)` that has ended: one process at a time has the
folder.

    python plot_history.py STATE_DIR CHECK OUTPUT.png
    python plot_history.py --demo --unit jobs STATE_DIR CHECK OUTPUT.png  # records for some seconds first
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

import stratheal
from stratheal import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stratheal import ChangeRow, RunRow

COLOURS = {
    Status.HEALTHY: "#7bc58f",
    Status.WARNING: "#f6c14b",
    Status.CRITICAL: "#e5716a",
    Status.UNKNOWN: "#b4b4bc",
}
MOST_ROWS = 100_000


class Band(NamedTuple):
    """A time in which the status stayed the same."""

    status: Status
    start: datetime
    end: datetime


def bands(changes: Sequence[ChangeRow], start: datetime, end: datetime) -> list[Band]:
    """The bands of a time, of changes before it and in it, the oldest first."""
    moments = [min(max(change.at, start), end) for change in changes] + [end]
    return [Band(change.after, *times) for change, times in zip(changes, pairwise(moments), strict=True)]


def read(folder: Path, check: str, since: datetime) -> tuple[list[RunRow], list[ChangeRow]]:
    """Runs and changes of a check, the oldest first. The first change may be from before that time."""
    # It has no checks of its own, and reads what others have left.
    with stratheal.Monitor(state_dir=folder, history=True) as monitor:
        runs = monitor.runs(check, since=since, limit=MOST_ROWS)
        changes = monitor.changes(check, since=since, limit=MOST_ROWS)
        changes += monitor.changes(check, until=since, limit=1)
    return runs[::-1], changes[::-1]


def days(moment: datetime) -> float:
    """A moment as matplotlib counts: in days since 1970."""
    return moment.timestamp() / 86_400


def draw(runs: Sequence[RunRow], changes: Sequence[ChangeRow], metric: str, unit: str) -> Figure:
    """The picture."""
    # A figure of its own rather than pyplot, which would want a screen.
    figure = Figure(figsize=(10, 4.5), dpi=120, layout="constrained")
    axes = figure.subplots()
    start, end = runs[0].at, runs[-1].at
    told: set[Status] = set()
    for band in bands(changes, start, end):
        label = band.status.label if band.status not in told else None
        told.add(band.status)
        colour = COLOURS[band.status]
        axes.axvspan(days(band.start), days(band.end), color=colour, alpha=0.45, linewidth=0, label=label)
    # Where a run has measured nothing, the line has a gap.
    times = [days(run.at) for run in runs]
    values = [run.metrics.get(metric, math.nan) for run in runs]
    axes.plot(times, values, color="#23395d", linewidth=1.6, marker=".", markersize=5, label=metric)
    locator = AutoDateLocator(tz=timezone.utc)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, tz=timezone.utc)  # type: ignore[no-untyped-call]
    # By default there are seconds without their minute.
    formatter.formats[5] = "%H:%M:%S.%f"
    formatter.offset_formats[5] = "%Y-%b-%d"
    axes.xaxis.set_major_formatter(formatter)
    axes.margins(x=0)
    axes.set_xlabel("time (UTC)")
    axes.set_ylabel(f"{metric} ({unit})" if unit else metric)
    axes.set_title(f"{runs[0].check}: {metric}", loc="left", fontweight="bold")
    axes.grid(axis="y", color="white", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def record(folder: Path, check: str) -> None:
    """Records some seconds of a queue that grows, shrinks, and cannot be asked in between."""
    monitor = stratheal.Monitor(state_dir=folder, history=True)
    begun = time.monotonic()

    @monitor.check(check, interval="100ms", warn_if="> 60", crit_if="> 90", fail_after=1, recover_after=1)
    def queue_depth() -> float:
        passed = time.monotonic() - begun
        if 3.5 < passed < 4.0:
            raise ConnectionError("the queue does not answer")
        return round(55 - 55 * math.cos(2 * passed))

    with monitor:
        time.sleep(6)


def main() -> int:
    """Reads what is asked for, and draws it."""
    parser = argparse.ArgumentParser(description="Plots a metric of a check that a monitor has recorded.")
    parser.add_argument("folder", metavar="STATE_DIR", type=Path, help="the state_dir of the monitor")
    parser.add_argument("check", metavar="CHECK", help="the name of the check")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="the picture, such as history.png")
    parser.add_argument("--metric", default="value", help="which of its metrics; by default the number it returns")
    parser.add_argument("--unit", default="", help="what the axis says beside the name of the metric")
    parser.add_argument("--hours", type=float, default=24.0, help="how far to look back; by default a day")
    parser.add_argument("--demo", action="store_true", help="record for some seconds first")
    given = parser.parse_args()
    if not given.demo and not given.folder.is_dir():
        parser.error(f"there is no folder {given.folder}")
    try:
        if given.demo:
            record(given.folder, given.check)
        since = datetime.now(timezone.utc) - timedelta(hours=given.hours)
        runs, changes = read(given.folder, given.check, since)
    except stratheal.StrathealError as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 1
    metrics = {name for run in runs for name in run.metrics}
    if given.metric not in metrics:
        known = f"it has {', '.join(sorted(metrics))}" if metrics else "nothing is recorded of it"
        print(f"the check `{given.check}` has no `{given.metric}` in this time: {known}", file=sys.stderr)
        return 1
    draw(runs, changes, given.metric, given.unit).savefig(given.output, backend="agg")
    print(f"{len(runs)} runs are in {given.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
