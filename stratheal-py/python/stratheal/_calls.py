"""Calling what somebody else wrote, and answering for it whatever it does."""

from __future__ import annotations

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than everything else here."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from stratheal._stratheal import Run

    Functions = dict[int, Callable[..., object]]


def fail(run: Run, error: BaseException) -> None:
    """Answers a call by what it raised."""
    import traceback  # It takes longer to import than everything else here.

    try:
        where = "".join(traceback.format_exception(error))
    except Exception:  # What cannot be shown must not hide that it was raised.
        where = ""
    run.failed(type(error).__name__, error, where)


def call(run: Run, functions: Functions) -> None:
    """Calls a function, and answers. Nothing that it raises gets out."""
    function = functions.get(run.key)
    if function is None:
        return
    try:
        question = run.question
        value = function() if question is None else function(*question)
    except BaseException as error:  # Also SystemExit: it must not end the thread of others.
        fail(run, error)
    else:
        run.done(value)
