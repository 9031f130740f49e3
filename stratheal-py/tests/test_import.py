"""The package imports, and its two halves agree."""

import doctest
import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from index import served

import stratheal
from stratheal import Status


def test_version_is_that_of_the_installed_package() -> None:
    assert stratheal.__version__ == importlib.metadata.version("stratheal")


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter is not free-threaded")
def test_importing_it_does_not_bring_back_the_lock() -> None:
    program = "import sys, stratheal, stratheal._stratheal; stratheal.Environment; print(sys._is_gil_enabled())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_statuses_are_those_of_the_library() -> None:
    assert {status.label: int(status) for status in Status} == stratheal.status_codes()


def test_status_codes_are_a_copy() -> None:
    stratheal.status_codes().clear()
    assert len(stratheal.status_codes()) == 4


def test_a_number_outside_the_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="4 is not a valid Status"):
        Status(4)


def test_the_examples_in_the_docs_hold() -> None:
    result = doctest.testmod(stratheal)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_programs_in_the_readmes_run(tmp_path: Path) -> None:
    readmes = (Path(__file__).parent.parent / "README.md", Path(__file__).parent.parent.parent / "README.md")
    text = "".join(readme.read_text() for readme in readmes)
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(programs) == 6
    folders = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CACHE", "STATE")}
    with served() as index:
        index.add("flask", "3.0")
        for program in programs:
            done = subprocess.run(
                [sys.executable, "-X", "dev", "-c", program.replace("https://packages.example.com/simple/", index.url)],
                capture_output=True,
                text=True,
                check=False,
                cwd=tmp_path,
                env={**os.environ, **folders},
            )
            assert done.returncode == 0, done.stderr
            for told in re.findall(r"\)  # (.*)$", program, re.MULTILINE):
                assert told in done.stdout
            if "Environment(" in program:
                assert "Change(project='flask', action='install', old=None, new='3.0')" in done.stdout
