"""What becomes of monitors when their process ends, or is forked."""

from __future__ import annotations

import atexit
import os
from weakref import WeakSet

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than everything else here."""

if TYPE_CHECKING:
    from stratheal._monitor import Monitor

_OURS = ("journal/", "audit/", "history.db")
"""What the library has open in a state folder, beside its lock. Nothing else there is its own."""


def close(descriptor: int) -> None:
    """Closes what a fork has inherited, unless it was closed right before."""
    try:
        os.close(descriptor)
    except OSError:
        return


def close_below(folder: str) -> None:
    """Closes what a fork has inherited of a folder: locks are the parent's, and have to end with it."""
    try:
        descriptors = os.listdir("/proc/self/fd")  # noqa: PTH208  # pathlib takes long to import.
    except OSError:
        return
    ours = tuple(f"{folder}/{one}" for one in _OURS)
    for descriptor in descriptors:
        try:
            path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
            if path == f"{folder}/lock" or path.startswith(ours):
                os.close(int(descriptor))
        except OSError:  # The one that lists them is gone by now.
            continue


monitors: WeakSet[Monitor] = WeakSet()
"""All that there are in this process."""

_has_hooks = False


def install_hooks() -> None:
    """Has monitors told, once and for all."""
    global _has_hooks  # The interpreter has one end, and one way to fork.
    if _has_hooks:
        return
    _has_hooks = True
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _at_exit() -> None:
    for monitor in list(monitors):
        try:
            monitor.stop(0.0)
        except Exception:  # The others have to end as well.
            import traceback

            traceback.print_exc()


def _after_fork() -> None:
    import sys

    for monitor in list(monitors):
        monitor._forked()
    for name in ("stratheal._log", "stratheal._loop"):
        module = sys.modules.get(name)
        if module is not None:
            module.forget()
