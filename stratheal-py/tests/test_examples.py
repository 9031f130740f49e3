"""The examples that are programs for a terminal, run as such. Those that serve are in `test_servers.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from index import Index, served
from matplotlib import image

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "python"


def run(example: str, *arguments: str | Path, folder: Path) -> tuple[int, str, str]:
    """Runs an example in a folder: its exit code, and what it says on both ways out. It never shows a traceback."""
    # matplotlib's own, with a NumPy that is newer than it.
    of_matplotlib = "default:The 'generic' unit for NumPy:DeprecationWarning"
    command = [sys.executable, "-X", "dev", "-W", "error", "-W", of_matplotlib, EXAMPLES / example, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert f'File "{EXAMPLES}' not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def test_recorded_history_is_plotted(tmp_path: Path) -> None:
    code, said, trouble = run("plot_history.py", "--demo", "state", "queue", "demo.png", folder=tmp_path)
    assert (code, said.split(maxsplit=1)[1]) == (0, "runs are in demo.png\n"), trouble
    # What was recorded outlives the process, and is plotted in the same way by the next.
    code, again, trouble = run("plot_history.py", "state", "queue", "again.png", folder=tmp_path)
    assert (code, again.split()[0]) == (0, said.split()[0]), trouble
    code, _, trouble = run("plot_history.py", "state", "queue", "none.png", "--metric", "speed", folder=tmp_path)
    assert (code, trouble) == (1, "the check `queue` has no `speed` in this time: it has value\n")
    for name in ("demo.png", "again.png"):
        file = tmp_path / name
        assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert 10_000 < file.stat().st_size < 500_000
        pixels = image.imread(file)
        assert pixels.shape == (540, 1200, 4)
        # Of all four bands and the line, and what lies between them.
        assert len({pixel.tobytes() for pixel in pixels[::4, ::4].reshape(-1, 4)}) > 6
        assert pixels.std() > 0.05


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nowhere", "queue", "out.png"], 2, "there is no folder nowhere"),
        (["empty", "queue", "out.png"], 1, "the check `queue` has no `value` in this time: nothing is recorded of it"),
        (["file", "queue", "out.png", "--demo"], 1, "cannot be read: "),
    ],
)
def test_what_cannot_be_plotted_is_said(arguments: list[str], code: int, told: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    ended, said, trouble = run("plot_history.py", *arguments, folder=tmp_path)
    assert (ended, said) == (code, "")
    assert told in trouble
    assert not (tmp_path / "out.png").exists()


@pytest.fixture
def index() -> Iterator[Index]:
    with served() as index:
        index.add("alpha", "1.0")
        index.add("alpha", "2.0")
        index.add("beta", "1.0", requires=["alpha>=1"])
        yield index


def install(index: Index, folder: Path, *arguments: str, test: str | None = None) -> tuple[int, str, str]:
    """Installs into `.venv` of a folder; the self-test is a program."""
    places = ["--index", index.url, "--cache-dir", "cache", "--state-dir", "state"]
    tested = [] if test is None else ["--", "-c", test]
    return run("install_environment.py", *places, ".venv", *arguments, *tested, folder=folder)


def version_of(project: str, folder: Path) -> str:
    """The version that the environment's interpreter imports."""
    program = f"import {project}; print({project}.VERSION)"
    said: str = subprocess.run(
        [folder / ".venv/bin/python", "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return said.strip()


def test_an_environment_is_made_and_updated(index: Index, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("alpha==1.0\n")
    code, said, trouble = install(index, tmp_path, "-r", "requirements.txt", test="import alpha")
    assert (code, trouble) == (0, "")
    lines = said.splitlines()
    assert lines[0] == f"{tmp_path / '.venv'}: installing"
    assert [line for line in lines if line.startswith("  fetched alpha-1.0-py3-none-any.whl (")]
    assert lines[-3:] == ["install alpha 1.0", "verified: 1 projects, 7 files", "the self-test has passed"]
    code, said, trouble = install(index, tmp_path, "beta", "alpha==2.0")
    assert (code, trouble) == (0, "")
    assert {"replace alpha 1.0 -> 2.0", "install beta 1.0"} <= set(said.splitlines())
    assert version_of("alpha", tmp_path) == "2.0"
    code, said, _ = install(index, tmp_path, "beta")
    assert (code, said.splitlines()[1]) == (0, "everything is as wanted already")


def test_a_failing_self_test_brings_the_old_version_back(index: Index, tmp_path: Path) -> None:
    assert install(index, tmp_path, "alpha==1.0")[0] == 0
    code, said, trouble = install(
        index, tmp_path, "beta", "alpha==2.0", test="import alpha; assert alpha.VERSION < '2', 'too new'"
    )
    assert code == 1, trouble
    lines = said.splitlines()
    assert "replace alpha 1.0 -> 2.0" in lines
    assert lines[-2] == "the self-test has ended with 1"
    assert lines[-1].startswith("taken back to snapshot ")
    assert "too new" in trouble, "what the self-test says is seen"
    assert version_of("alpha", tmp_path) == "1.0"
    assert not list(tmp_path.glob(".venv/lib/python3*/site-packages/beta"))


def test_a_new_environment_that_fails_is_gone_again(index: Index, tmp_path: Path) -> None:
    program = "import time; time.sleep(60)"
    code, said, _ = install(index, tmp_path, "--patience", "0.5", "alpha", test=program)
    assert code == 1
    assert "the self-test was not over after 0.5 seconds\n" in said
    assert said.endswith("taken back: there was no environment before, and there is none now\n")
    assert not (tmp_path / ".venv").exists()


def test_what_cannot_be_installed_changes_nothing(index: Index, tmp_path: Path) -> None:
    assert install(index, tmp_path, "alpha==1.0")[0] == 0
    for arguments, told in [
        (["gamma", "alpha==2.0"], "gamma"),
        ([], "nothing is wanted"),
        (["-r", "none.txt"], "none"),
    ]:
        code, _, trouble = install(index, tmp_path, *arguments, test="import alpha")
        assert code == 2
        assert trouble.startswith("not done: ")
        assert told in trouble
    assert version_of("alpha", tmp_path) == "1.0"
