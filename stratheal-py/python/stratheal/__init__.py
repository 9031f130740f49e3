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
    AccessDeniedError,
    AddressError,
    ConfigurationError,
    ConfigurationNotFoundError,
    DiskFullError,
    DuplicateError,
    ForkedError,
    InstallError,
    IntegrityError,
    NoSuchCheckError,
    NoSuchPackageError,
    NoSuchServiceError,
    NotRunningError,
    OwnEnvironmentError,
    ServiceError,
    StateError,
    StrathealError,
    UnreachableError,
)
from stratheal._monitor import Monitor
from stratheal._remedy import Plan, Remedy, Step
from stratheal._stratheal import CheckState, Event, Metric, Report, Snapshot, __version__, status_codes

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than everything else here."""

if TYPE_CHECKING:
    from stratheal._environment import Environment
    from stratheal._history import ChangeRow, RunRow
    from stratheal._outcomes import (
        Change,
        Finding,
        Installation,
        Locked,
        Progress,
        Repair,
        Rollback,
        SnapshotRow,
        Verification,
    )
    from stratheal._status import Status

__all__ = [
    "AccessDeniedError",
    "AddressError",
    "Change",
    "ChangeRow",
    "Check",
    "CheckState",
    "ConfigurationError",
    "ConfigurationNotFoundError",
    "DiskFullError",
    "DuplicateError",
    "Environment",
    "Event",
    "Finding",
    "ForkedError",
    "InstallError",
    "Installation",
    "IntegrityError",
    "Locked",
    "Metric",
    "Monitor",
    "NoSuchCheckError",
    "NoSuchPackageError",
    "NoSuchServiceError",
    "NotRunningError",
    "OwnEnvironmentError",
    "Plan",
    "Progress",
    "Remedy",
    "Repair",
    "Report",
    "Rollback",
    "RunRow",
    "ServiceError",
    "Snapshot",
    "SnapshotRow",
    "StateError",
    "Status",
    "Step",
    "StrathealError",
    "UnreachableError",
    "Verification",
    "__version__",
    "status_codes",
]

if not TYPE_CHECKING:  # Or any attribute would be one to a type checker.

    def __getattr__(name: str) -> object:
        """Imports when it is used what is about environments, and what needs modules that take longer than all else."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        places = {"Environment": "_environment", "Status": "_status", "ChangeRow": "_history", "RunRow": "_history"}
        found = getattr(importlib.import_module(f"stratheal.{places.get(name, '_outcomes')}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        """Also what is imported when it is used."""
        return sorted({*globals(), *__all__})


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
