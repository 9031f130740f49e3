"""The types of the package are right, and wrong uses of it are errors."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

CONTROL = """
import stratheal
from typing_extensions import assert_type

assert_type(stratheal.Monitor().snapshot(), int)
stratheal.Monitor().snapshot()  # type: ignore[call-arg]
"""
"""A wrong type, and an error that is none: whoever checks has to see both."""


def test_uses_have_the_types_and_errors_that_they_should(tmp_path: Path) -> None:
    control = tmp_path / "control.py"
    control.write_text(CONTROL)
    # One run for all: most of its time is that of reading what others have.
    options = ["--strict", "--config-file", str(HERE.parent / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--no-error-summary", HERE / "typed_uses.py", control],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert [line.removeprefix("control.py:") for line in done.stdout.splitlines()] == [
        '5: error: Expression is of type "Snapshot", not "int"  [assert-type]',
        '6: error: Unused "type: ignore" comment  [unused-ignore]',
    ]
