"""The environment that this process runs from: who changes it is the `stratheal` program, which does not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratheal._errors import ConfigurationError
from stratheal._stratheal import __version__, run_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stratheal._stratheal import Operation

_SWITCHES = ("exact", "reinstall", "rebuild", "refresh", "compile", "in_place", "strict", "pre", "upgrade")
_NAMED = {"config": "--config", "overlay": "--env", "cache": "--cache-dir", "state": "--state-dir"}
_LISTS = {"files": "--requirement", "constraints": "--constraint", "extras": "--extra", "groups": "--group"}


def fits(program: str) -> bool:
    """Whether a program is the `stratheal` of this version."""
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    # Another version may have other options, and keep its books in another way.
    return told.stdout.split()[-1:] == [__version__]


class Tool:
    """The program, and what it is told of an environment in each case."""

    def __init__(
        self,
        program: str,
        root: str,
        options: list[str],
        variables: dict[str, str],
        *,
        base: str | None,
        automatic: bool,
    ) -> None:
        """A program, the environment that it is to change, its options, and what it is told by its variables."""
        self._program = program
        self._root = root
        self._options = options
        self._variables = variables
        self._snapshots = [] if automatic else ["--no-snapshot"]
        self._base = base

    @classmethod
    def find(cls, root: str, options: dict[str, Any]) -> Tool | None:
        """The one in PATH; one outside of the environment is preferred."""
        places = [place for place in os.get_exec_path() if place]
        outside = [place for place in places if not os.path.realpath(place).startswith(root + os.sep)]
        program = shutil.which("stratheal", path=os.pathsep.join(outside)) or shutil.which(
            "stratheal", path=os.pathsep.join([*places, str(Path(root, "bin"))])
        )
        if program is None or not fits(program):
            return None
        told = ["--quiet", "--python", root]
        if options["offline"]:
            told.append("--offline")
        if options["deadline"] is not None:
            told += ["--deadline", f"{options['deadline']}s"]
        if options["config"] is None:
            # What it finds by itself was not meant.
            told.append("--no-config")
        for name, option in _NAMED.items():
            if options[name] is not None:
                told += [option, options[name]]
        variables = {}
        # URLs may hold passwords, and everybody sees the arguments of a program.
        if options["index"] is not None:
            variables["STRATHEAL_INDEX"] = options["index"]
        if options["mirrors"]:
            variables["STRATHEAL_MIRROR"] = " ".join(options["mirrors"])
        return cls(program, root, told, variables, base=options["base"], automatic=options["automatic"])

    def install(self, given: dict[str, Any]) -> Operation[dict[str, Any]]:
        """Installs."""
        argv = [f"--{name.replace('_', '-')}" for name in _SWITCHES if given.get(name)]
        for name, option in _LISTS.items():
            argv += [f"{option}={value}" for value in given[name]]
        argv += [f"--editable={folder}" for folder in given["editables"]]
        if any("://" in one and "@" in one.partition("://")[2].partition("/")[0] for one in given["requirements"]):
            raise ConfigurationError("everybody here would see a login in a URL: write it in a file, and name that")
        if self._base is not None:
            argv.append(f"--base={self._base}")
        if "engine" in given:
            argv.append(f"--engine={given['engine']}")
        return self._run("install", [*argv, *self._snapshots], given["requirements"])

    def uninstall(self, projects: Sequence[str]) -> Operation[dict[str, Any]]:
        """Removes projects."""
        return self._run("uninstall", self._snapshots, projects)

    def repair(self, full: bool) -> Operation[dict[str, Any]]:
        """Puts files back."""
        return self._run("repair", ["--full", *self._snapshots] if full else self._snapshots, [])

    def rollback(
        self, to: str, paths: Sequence[str], projects: Sequence[str], keep_edits: bool
    ) -> Operation[dict[str, Any]]:
        """Goes back."""
        argv = [*(f"--path={path}" for path in paths), *(f"--project={project}" for project in projects)]
        return self._run("rollback", ["--keep-edits", *argv] if keep_edits else argv, [to])

    def _run(self, command: str, options: Sequence[str], operands: Sequence[str]) -> Operation[dict[str, Any]]:
        argv = [command, *self._options, "--format=json", *options, "--", *operands]
        return run_tool(self._program, argv, self._variables, self._root)
