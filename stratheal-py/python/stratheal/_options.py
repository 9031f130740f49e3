"""Options of checks, from what Python people write to what the configuration file has."""

from __future__ import annotations

from stratheal._errors import ConfigurationError
from stratheal._stratheal import parse_duration

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than everything else here."""

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta
    from typing import Any, Literal, TypedDict

    from stratheal._outcomes import Progress

    Time = str | float | timedelta
    Folder = str | os.PathLike[str]
    OnProgress = Callable[[Progress], object] | None

    class CheckOptions(TypedDict, total=False):
        """What all checks may be told; see docs/configuration.md for each."""

        interval: Time
        timeout: Time
        retry_interval: Time
        initial_delay: Time
        stale_after: Time
        fail_after: int
        recover_after: int
        fail_window: str
        flap_detection: bool
        warn_if: str | Sequence[str]
        crit_if: str | Sequence[str]
        on_timeout: Literal["healthy", "warning", "critical", "unknown"]
        on_error: Literal["healthy", "warning", "critical", "unknown"]
        required: bool
        tags: Sequence[str]
        probes: Sequence[Literal["startup", "liveness", "readiness"]]
        depends_on: str | Sequence[str]
        depends_on_any: Sequence[str]
        maintenance: str | Sequence[str]
        hint: str
        scope: Literal["process", "host"]

    class HealOptions(TypedDict, total=False):
        """How a check is healed; see docs/configuration.md for each."""

        approval: Literal["auto", "confirm", "manual"]
        ceiling: Literal["observe", "local", "disruptive", "destructive"]
        windows: str | Sequence[str]
        guards: str | Sequence[str]
        tries: int
        timeout: Time
        verify_timeout: Time
        probation: Time
        passes: int
        first_pause: Time
        longest_pause: Time
        max_per_hour: int

    class Asked(TypedDict, total=False):
        """What is wanted, beside requirements that are given one by one."""

        files: Sequence[Folder]
        constraints: Sequence[Folder]
        editables: Sequence[Folder]
        extras: Sequence[str]
        groups: Sequence[str]
        pre: bool
        upgrade: bool
        engine: Literal["auto", "uv", "pip"]

    class InstallOptions(Asked, total=False):
        """How it is installed."""

        exact: bool
        reinstall: bool
        rebuild: bool
        refresh: bool
        compile: bool
        in_place: bool
        strict: bool
        plan: bool


TIMES = frozenset(
    {
        "interval",
        "timeout",
        "retry_interval",
        "initial_delay",
        "stale_after",
        "verify_timeout",
        "probation",
        "first_pause",
        "longest_pause",
    }
)
CONDITIONS = ("warn_if", "crit_if")


def of_check(options: Mapping[str, object]) -> dict[str, Any]:
    """Options as the file would have them.

    Times may be seconds or a `timedelta`. A condition that begins with a comparison is about the number that the
    function returns.

    Args:
        options: The options; those that are None are left out.

    Returns:
        A new dictionary of texts, numbers, truth values and lists.
    """
    found: dict[str, Any] = {name: value for name, value in options.items() if value is not None and name != "scope"}
    for name in TIMES & found.keys():
        found[name] = _time(found[name])
    for name in CONDITIONS:
        if name in found:
            given = found[name]
            found[name] = [_condition(one) for one in ([given] if isinstance(given, str) else given)]
    return found


def is_of_host(options: Mapping[str, object], otherwise: str) -> bool:
    """Whether one process of an application runs a check for all of them.

    Raises:
        ConfigurationError: When its scope is neither of the two.
    """
    scope = options.get("scope") or otherwise
    if scope not in {"process", "host"}:
        raise ConfigurationError(f"scope: `{scope}` is neither `process` nor `host`")
    return scope == "host"


def seconds(time: Time) -> float:
    """A time as seconds: a number, a text such as "90s", "2m" or "1.5h", or a `timedelta`.

    Raises:
        ValueError: When it is none of these.
    """
    if isinstance(time, str):
        return parse_duration(time)
    # A timedelta, without importing it.
    return float(time) if isinstance(time, int | float) else time.total_seconds()


def _time(value: object) -> object:
    # A timedelta, without importing it.
    seconds = getattr(value, "total_seconds", None)
    if seconds is not None:
        return f"{seconds()}s"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}s"
    return value


def _condition(text: str) -> str:
    return f"value {text}" if text.lstrip()[:1] in {"<", ">", "=", "!"} else text
