"""Rows of what was recorded."""

from datetime import datetime
from typing import NamedTuple

from stratheal._status import Status

class RunRow(NamedTuple):
    """A recorded run of a check."""

    check: str
    """The name of the check."""
    at: datetime
    """When it began, in UTC, to the millisecond."""
    status: Status
    """What it found."""
    outcome: str
    """How it ended: `done`, `failed`, `timed-out`, `panicked`, `stuck` or `late`."""
    duration: float
    """How many seconds it took."""
    metrics: dict[str, float]
    """What it measured."""

class ChangeRow(NamedTuple):
    """A recorded change of state."""

    check: str
    """The name of the check."""
    at: datetime
    """When, in UTC, to the millisecond."""
    before: Status
    """The state before."""
    after: Status
    """The state since then."""
    summary: str
    """What the run said that decided it."""
