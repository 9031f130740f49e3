"""Keeps Python applications and their hosts healthy.

This package is a thin layer over the Rust library of the same name.

Example:
    >>> import stratheal
    >>> monitor = stratheal.Monitor()
    >>> @monitor.check("answer", interval="30s", crit_if="!= 42")
    ... def answer() -> float:
    ...     return 42
    >>> with monitor:
    ...     monitor.run("answer").status
    <Status.HEALTHY: 0>
"""

from stratheal._check import Check
from stratheal._errors import (
    ConfigurationError,
    ConfigurationNotFoundError,
    DuplicateError,
    ForkedError,
    NoSuchCheckError,
    NotRunningError,
    StateError,
    StrathealError,
)
from stratheal._history import ChangeRow, RunRow
from stratheal._monitor import Monitor
from stratheal._remedy import Plan, Remedy, Step
from stratheal._status import Status
from stratheal._stratheal import CheckState, Event, Metric, Report, Snapshot, __version__, status_codes

__all__ = [
    "ChangeRow",
    "Check",
    "CheckState",
    "ConfigurationError",
    "ConfigurationNotFoundError",
    "DuplicateError",
    "Event",
    "ForkedError",
    "Metric",
    "Monitor",
    "NoSuchCheckError",
    "NotRunningError",
    "Plan",
    "Remedy",
    "Report",
    "RunRow",
    "Snapshot",
    "StateError",
    "Status",
    "Step",
    "StrathealError",
    "__version__",
    "status_codes",
]
