"""Brings an environment to what is wanted, and takes it back when it does not pass its self-test.

    python install_environment.py .venv -r requirements.txt
    python install_environment.py .venv flask==3.1.2 -- -c "import flask"

What stands after `--` are the arguments of the environment's interpreter. The exit code is 0 when all is well, 1 when
the environment was taken back to how it was, and 2 when nothing could be installed, or it could not be taken back.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import stratheal

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, TAKEN_BACK, NOT_DONE = 0, 1, 2


def parser() -> argparse.ArgumentParser:
    """What may be asked for."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s [options] ENVIRONMENT [REQUIREMENT ...] [-- ARGUMENT ...]",
        description="Brings an environment to what is wanted, and takes it back when it does not pass its self-test.",
        epilog="The self-test is what its interpreter does with the arguments after --, such as -- -m flask --version",
    )
    parser.add_argument("environment", metavar="ENVIRONMENT", help="its folder, there or to be made")
    parser.add_argument("requirements", metavar="REQUIREMENT", nargs="*", help="such as flask==3.1.2")
    parser.add_argument("-r", "--file", dest="files", action="append", default=[], help="a requirements file or a lock")
    parser.add_argument("--index", help="the URL of the package index; by default the one that pip has")
    parser.add_argument("--base", default=sys.executable, help="the interpreter of a new one; by default this one")
    parser.add_argument("--cache-dir", help="where downloads are kept")
    parser.add_argument("--state-dir", help="where snapshots are kept")
    parser.add_argument("--exact", action="store_true", help="remove all else")
    parser.add_argument("--patience", type=float, default=60.0, help="how many seconds the self-test may take")
    return parser


def tell(line: str) -> None:
    """Says something at once, also into a pipe."""
    print(line, flush=True)


class ProgressLines:
    """Says what happens, one line for each thing rather than for each piece of it."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._last = ("", "")

    def __call__(self, progress: stratheal.Progress) -> None:
        """Something has happened."""
        if (progress.step, progress.what) != self._last:
            self._last = (progress.step, progress.what)
            size = "" if progress.size is None else f" ({progress.size:,} bytes)"
            tell(f"  {progress.step} {progress.what}{size}")


def install(environment: stratheal.Environment, given: argparse.Namespace) -> stratheal.Installation:
    """Installs what is wanted, and says what has changed."""
    tell(f"{environment.path}: installing")
    made = environment.install(*given.requirements, files=given.files, exact=given.exact, progress=ProgressLines())
    for change in made.changes:
        versions = " -> ".join(version for version in (change.old, change.new) if version is not None)
        tell(f"{change.action} {change.project} {versions}")
    for note in made.notes:
        tell(f"note: {note}")
    if not made.changed:
        tell("everything is as wanted already")
    return made


def is_well(environment: stratheal.Environment, test: Sequence[str], patience: float) -> bool:
    """Whether it is whole and passes its self-test. Says what is wrong otherwise."""
    verified = environment.verify()
    if not verified:
        for finding in verified.findings:
            tell(f"{finding.severity}: {finding.message}")
        return False
    tell(f"verified: {verified.projects} projects, {verified.files} files")
    if not test:
        return True
    interpreter = Path(environment.path) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    try:
        ended = subprocess.run([interpreter, *test], timeout=patience, check=False)  # noqa: S603  # No shell reads it.
    except subprocess.TimeoutExpired:
        tell(f"the self-test was not over after {patience:g} seconds")
        return False
    except OSError as error:
        tell(f"the self-test could not be started: {error}")
        return False
    tell("the self-test has passed" if ended.returncode == 0 else f"the self-test has ended with {ended.returncode}")
    return ended.returncode == 0


def take_back(environment: stratheal.Environment, before: stratheal.SnapshotRow | None) -> None:
    """Makes it as it was before."""
    if before is None:
        shutil.rmtree(environment.path)
        tell("taken back: there was no environment before, and there is none now")
        return
    back = environment.rollback(before.number)
    tell(f"taken back to snapshot {back.number}" if back.changed else "nothing had changed that could be taken back")


def run(given: argparse.Namespace, test: Sequence[str]) -> int:
    """All of it; answers the exit code."""
    environment = stratheal.Environment(
        given.environment, base=given.base, index=given.index, cache_dir=given.cache_dir, state_dir=given.state_dir
    )
    before = environment.snapshot() if Path(environment.path).exists() else None
    install(environment, given)
    if is_well(environment, test, given.patience):
        return DONE
    take_back(environment, before)
    return TAKEN_BACK


def main() -> int:
    """Understands what is asked for, and does it."""
    arguments, test = sys.argv[1:], []
    if "--" in arguments:
        place = arguments.index("--")
        arguments, test = arguments[:place], arguments[place + 1 :]
    try:
        return run(parser().parse_intermixed_args(arguments), test)
    except (stratheal.StrathealError, OSError) as error:
        print(f"not done: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted: the environment is the old one or the new one, whole", file=sys.stderr)
    return NOT_DONE


if __name__ == "__main__":
    sys.exit(main())
