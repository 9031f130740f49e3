"""Calling what somebody else wrote, and answering for it whatever it does."""

from __future__ import annotations

import os

from stratheal._status import Status
from stratheal._stratheal import Report

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than everything else here."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from stratheal._stratheal import Run

    Functions = dict[int, Callable[..., object]]


def fail(run: Run, error: BaseException) -> None:
    """Answers a call by what it raised."""
    import traceback  # It takes longer to import than everything else here.

    # What cannot be shown must not hide that it was raised.
    try:
        message = "" + str(error)
    except BaseException:
        message = "(cannot be shown)"
    try:
        where = "".join(traceback.format_exception(error))
    except BaseException:
        where = ""
    run.failed(str(type(error).__name__), message, where)


def plain(value: object) -> object:
    """What a check has returned, as something that native code can read without calling Python again.

    That would be fatal for a thread that is running while the interpreter ends.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str) or isinstance(value, Report):
        return value
    if isinstance(value, Status):
        return Report(int(value), value.label)
    if isinstance(value, str):
        return str(value)
    # Truth values of numpy have a `__float__` as well.
    if kind.__name__ in ("bool_", "bool"):
        return bool(value)
    number = getattr(kind, "__float__", None) or getattr(kind, "__index__", None)
    return value if number is None else float(number(value))


def call(run: Run, functions: Functions) -> None:
    """Calls a function, and answers. Nothing that it raises gets out."""
    function = functions.get(run.key)
    if function is None:
        return
    process = os.getpid()
    try:
        question = run.question
        if question is None:
            value = plain(function())
        else:
            import json  # What a remedy answers becomes plain by it, or is refused.

            value = json.loads(json.dumps(function(*question)))
    except BaseException as error:  # Also SystemExit: it must not end the thread of others.
        leave_fork(process)
        fail(run, error)
    else:
        leave_fork(process)
        run.done(value)


def leave_fork(process: int) -> None:
    """Ends a child that a check has forked and that has come back: it must not go on as if it were the parent."""
    if os.getpid() != process:
        os._exit(0)
