"""What came of work on environments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple


class Progress(NamedTuple):
    """Something that happened while work went on."""

    step: str
    """What: `waiting`, `resolving`, `building`, `preparing`, `prepared`, `fetching`, `fetched`, `trouble` or
    `changing`."""
    what: str
    """Of what: an engine, a package, a file, a place that failed, or how far a change is."""
    received: int | None
    """Bytes of a file that are there."""
    size: int | None
    """Its size in bytes, where that is known."""


class Change(NamedTuple):
    """What was done with one project."""

    project: str
    """Its name."""
    action: Literal["install", "replace", "remove"]
    """What."""
    old: str | None
    """The version that was there."""
    new: str | None
    """The version that is."""


@dataclass(frozen=True)
class Installation:
    """What was done to an environment."""

    environment: str
    """Its folder."""
    changes: list[Change]
    """By project; empty when everything was as wanted."""
    changed: bool
    """Whether anything was done."""
    how: Literal["created", "exchanged", "replaced"] | None
    """How: it was made, exchanged in one step, or replaced file by file; None when nothing was done."""
    resolved_by: str | None
    """Who chose the versions: an engine, `kept`, `lock`, `installed`, `hashes`, `pins` or `nobody`."""
    to_fetch: int
    """How many files were not in the cache."""
    bytes_to_fetch: int
    """Their bytes, as far as the index says them."""
    notes: list[str]
    """What you should know."""


@dataclass(frozen=True)
class Locked:
    """Versions that were chosen."""

    path: str
    """The lock."""
    packages: dict[str, str]
    """Their versions, by name; of one that is there for several platforms, the last. Without one where it has none."""
    resolved_by: str
    """Who chose them."""
    notes: list[str]
    """What you should know."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was installed."""

    severity: Literal["note", "warning", "conflict", "damage"]
    """How bad it is: what is damaged does not work, a conflict may not."""
    kind: str
    """What, for programs: `missing`, `changed`, and so on."""
    message: str
    """What is wrong and what to do, for people."""
    project: str | None
    """The project."""
    path: str | None
    """The file or folder, relative to the environment."""


@dataclass(frozen=True)
class Verification:
    """How an environment is."""

    environment: str
    """Its folder."""
    whole: bool
    """Whether nothing is damaged and nothing conflicts."""
    projects: int
    """How many were looked at."""
    files: int
    """How many were looked at."""
    findings: list[Finding]
    """What was found, the worst first."""

    def __bool__(self) -> bool:
        """Whether it is whole."""
        return self.whole


@dataclass(frozen=True)
class Repair:
    """What was put back, or with `plan` would be."""

    environment: str
    """Its folder."""
    whole: bool
    """Whether it is whole now."""
    mended: list[str]
    """Files that were put back, relative to the environment. Empty for a plan."""
    removed: list[str]
    """What interrupted installers had left, and is removed."""
    unmended: dict[str, str]
    """What could not be put back: why, by file."""
    findings: list[Finding]
    """What is found now."""
    notes: list[str]
    """What you should know."""

    def __bool__(self) -> bool:
        """Whether it is whole."""
        return self.whole


@dataclass(frozen=True)
class SnapshotRow:
    """A snapshot."""

    number: int
    """Later ones have larger numbers."""
    created: datetime
    """When it was made, in UTC."""
    reason: str
    """Why: `asked`, `before`, `after` or `imported`."""
    label: str | None
    """A name that a person gave it."""
    good: bool
    """Whether its checks passed while it was live."""
    pinned: bool
    """Whether it is kept until somebody says otherwise."""
    files: int
    """How many files it has."""
    bytes: int
    """Their bytes."""


@dataclass(frozen=True)
class Rollback:
    """An environment that went back."""

    environment: str
    """Its folder."""
    number: int
    """The snapshot that it is as now."""
    before: int | None
    """The snapshot of what was there before: going back to it undoes this."""
    changed: bool
    """Whether anything was done."""
    put: int
    """Files that were put back."""
    edits: list[str]
    """Files that somebody had edited, and that were kept."""
    conflicts: list[str]
    """Edits that could not be kept: they are in the snapshot of what was there before."""
    notes: list[str]
    """What you should know."""


def installation(told: dict[str, Any]) -> Installation:
    """Of what the library says about an installation or its plan."""
    applied = (told.get("done") or told).get("applied") or {}
    changes = [
        Change(name, action["action"], action.get("old"), action.get("version"))
        for name, action in told["actions"].items()
    ]
    notes = [*told.get("notes", ()), *applied.get("notes", ())]
    return Installation(
        environment=told["environment"],
        changes=changes,
        changed=bool(applied),
        how=applied.get("how"),
        resolved_by=told.get("resolved_by"),
        to_fetch=told.get("to_fetch", 0),
        bytes_to_fetch=told.get("bytes_to_fetch", 0),
        notes=notes,
    )


def locked(told: dict[str, Any]) -> Locked:
    """Of what the library says about a lock."""
    return Locked(told["path"], told["packages"], told["resolved_by"], told["notes"])


def verification(told: dict[str, Any]) -> Verification:
    """Of what the library says about an environment."""
    return Verification(
        told["environment"], told["whole"], told["projects"], told["files"], _findings(told["findings"])
    )


def repair(told: dict[str, Any]) -> Repair:
    """Of what the library says about a repair or its plan."""
    mended = [one["path"] for one in told.get("mended", ())]
    return Repair(
        environment=told["environment"],
        whole=told["whole"],
        mended=[*mended, *told.get("relinked", ()), *told.get("allowed", ())],
        removed=told.get("removed", []),
        unmended={one["path"]: one["reason"] for one in told.get("unmended", ())},
        findings=_findings(told["findings"]),
        notes=told.get("notes", []),
    )


def snapshot(told: dict[str, Any]) -> SnapshotRow:
    """Of what the library says about a snapshot."""
    return SnapshotRow(
        number=told["number"],
        created=_moment(told["created"]),
        reason=told["reason"]["kind"],
        label=told.get("label"),
        good=told.get("good") is not None,
        pinned=told["pinned"],
        files=told["files"],
        bytes=told["bytes"],
    )


def snapshots(told: list[dict[str, Any]]) -> list[SnapshotRow]:
    """Of what the library says about all of them."""
    return [snapshot(one) for one in told]


def rollback(told: dict[str, Any]) -> Rollback:
    """Of what the library says about a rollback."""
    return Rollback(
        environment=told["root"],
        number=told["number"],
        before=told["before"],
        changed=told["how"] is not None,
        put=told["put"],
        edits=told["edits"],
        conflicts=told["conflicts"],
        notes=told["notes"],
    )


def _findings(told: list[dict[str, Any]]) -> list[Finding]:
    return [
        Finding(one["severity"], one["problem"]["kind"], one["message"], one.get("project"), one.get("path"))
        for one in told
    ]


def _moment(text: str) -> datetime:
    # CPython 3.10 knows neither `Z` nor more than six digits of a second.
    whole, _, fraction = text.removesuffix("Z").partition(".")
    at = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    return at.replace(microsecond=int(fraction[:6].ljust(6, "0")))
