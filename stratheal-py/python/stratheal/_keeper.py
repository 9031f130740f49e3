"""The keeper of services: a process of its own, which outlives this one, and so loses no log and no exit status.

The `stratheal` program is one. Where it is not installed, another interpreter is.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys

from stratheal._own import fits
from stratheal._stratheal import play_role

_PROGRAM = "import sys; sys.path += {path!r}; from stratheal._keeper import main; main()"


def command() -> tuple[str, list[str]]:
    """A program that keeps services, and the arguments by which it knows that it should."""
    program = shutil.which("stratheal")
    if program is not None and fits(program):
        return program, []
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    # It is started by the file of the interpreter, which knows nothing of this environment.
    return sys.executable, ["-I", "-S", "-c", _PROGRAM.format(path=[here])]


def main() -> None:
    """Is the keeper, or what a service is before it becomes its program."""
    # An interpreter ignores it, and a service would inherit that.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    sys.exit(0 if play_role(sys.orig_argv) else 1)
