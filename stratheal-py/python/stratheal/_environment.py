"""Virtual environments: what is wanted in them, whether they are whole, and the way back."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar, cast

from stratheal import _outcomes as outcomes
from stratheal._errors import OwnEnvironmentError
from stratheal._options import seconds
from stratheal._own import Tool
from stratheal._stratheal import EnvironmentCore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Unpack

    from stratheal._options import Asked, Folder, InstallOptions, OnProgress, Time
    from stratheal._outcomes import Installation, Locked, Repair, Rollback, SnapshotRow, Verification
    from stratheal._stratheal import Operation

_Made = TypeVar("_Made")


class Environment:
    """A virtual environment: there already, or to be made.

    Each method has a form for coroutines, whose name ends in `_async`. Ctrl-C, or cancelling the coroutine, ends the
    work: the environment is then the old one or the new one, whole.

    The environment that this very process runs from can be verified, planned and kept in snapshots. What changes it is
    handed to the `stratheal` program, which does not run from it: `pip install stratheal[cli]`, best in another place.

    Example:
        >>> import stratheal
        >>> environment = stratheal.Environment(".venv")
        >>> environment.install("six==1.17.0").changed  # doctest: +SKIP
        True
        >>> environment.verify().whole  # doctest: +SKIP
        True
    """

    def __init__(
        self,
        path: Folder | None = None,
        *,
        config: Folder | None = None,
        overlay: str | None = None,
        base: Folder | None = None,
        index: str | None = None,
        mirrors: Sequence[str] = (),
        offline: bool = False,
        cache_dir: Folder | None = None,
        state_dir: Folder | None = None,
        deadline: Time | None = None,
        automatic: bool = True,
    ) -> None:
        """Says which environment is meant; nothing is read or done yet.

        Args:
            path: Its folder, or its interpreter. Without one: that of the configuration, the active one, or `.venv`.
            config: A `stratheal.toml` or `pyproject.toml` that says what the project requires and which index it has.
            overlay: The section of `[environments]` that is laid over it.
            base: The interpreter that a new environment is made from; by default the first in PATH.
            index: The URL of the index instead of the configured one, or of the one that your pip or uv has.
            mirrors: Places with the same content as the index.
            offline: Whether nobody is asked: everything comes from the cache.
            cache_dir: The folder of the cache; by default `stratheal` in your cache folder.
            state_dir: Where snapshots are; by default `.stratheal` in the project, or beside the environment.
            deadline: How long one page or file may take without any progress: seconds, a text such as "2m", or a
                `timedelta`; by default two minutes, on a build server ten.
            automatic: Whether snapshots are made before and after each change.
        """
        _list("mirrors", mirrors)
        self._core = EnvironmentCore(
            {
                "path": _path(path),
                "config": _path(config),
                "overlay": overlay,
                "base": _path(base),
                "index": index,
                "mirrors": list(mirrors),
                "offline": offline,
                "cache": _path(cache_dir),
                "state": _path(state_dir),
                "deadline": None if deadline is None else seconds(deadline),
                "automatic": automatic,
            }
        )

    @property
    def path(self) -> str:
        """The folder, there or not, without links in its path.

        Raises:
            ConfigurationError: When the configuration has mistakes.
        """
        return self._core.root()

    # What is installed.

    def install(
        self, *requirements: str, progress: OnProgress = None, **options: Unpack[InstallOptions]
    ) -> Installation:
        """Brings the environment to what is wanted, or leaves it untouched.

        Without requirements and files, what the configuration names is wanted.

        Args:
            *requirements: Such as `flask`, `six==1.17.0`, `./folder`, a wheel, a URL.
            progress: Is called with what happens meanwhile, on this thread. What it raises ends the work.
            **options: `files` (requirements files, a `pyproject.toml`, or one lock), `constraints`, `editables`,
                `extras` and `groups` say what is wanted. `exact` removes all else, `reinstall` installs it anew,
                `rebuild` makes the environment anew, `upgrade` looks for newer versions, `pre` takes those before a
                release, `refresh` asks the index again, `compile` makes bytecode, `in_place` replaces file by file,
                `strict` refuses wheels whose own list of files is wrong, and `engine` chooses versions. `plan` does
                nothing, and says what would be done.

        Returns:
            What was done, or with `plan` would be.

        Raises:
            ConfigurationError: When what is wanted cannot be understood.
            NoSuchPackageError: When no index has it, or nothing fits.
            UnreachableError: When it cannot be had now. The environment is as it was.
            IntegrityError: When what arrived is not what was promised.
            DiskFullError: When there is no room.
            OwnEnvironmentError: When this process runs from the environment, and there is no `stratheal` program.
            InstallError: When it cannot be done for another reason.
        """
        return outcomes.installation(_finish(self._install(requirements, options), progress))

    async def install_async(
        self, *requirements: str, progress: OnProgress = None, **options: Unpack[InstallOptions]
    ) -> Installation:
        """As `install`, without holding up the event loop. `progress` is called on it."""
        return outcomes.installation(await _finish_async(self._install(requirements, options), progress))

    def _install(self, requirements: Sequence[str], options: InstallOptions) -> Operation[dict[str, Any]]:
        given = _given(requirements, options)
        if not given.get("plan") and (tool := self._tool()) is not None:
            return tool.install(given)
        return self._core.install(given)

    def uninstall(self, *projects: str) -> Installation:
        """Removes projects, and nothing that they required.

        Args:
            *projects: Their names. One that is not installed is in the `notes` of the result.

        Raises:
            InstallError: When it cannot be done; see `install`.
        """
        return outcomes.installation(_finish(self._uninstall(projects), None))

    async def uninstall_async(self, *projects: str) -> Installation:
        """As `uninstall`, without holding up the event loop."""
        return outcomes.installation(await _finish_async(self._uninstall(projects), None))

    def _uninstall(self, projects: Sequence[str]) -> Operation[dict[str, Any]]:
        tool = self._tool()
        return self._core.uninstall(list(projects)) if tool is None else tool.uninstall(projects)

    def lock(
        self, *requirements: str, output: Folder = "pylock.toml", progress: OnProgress = None, **options: Unpack[Asked]
    ) -> Locked:
        """Chooses versions of everything that is wanted, and writes them down with their hashes (PEP 751).

        Args:
            *requirements: As for `install`.
            output: The lock. Versions in one that is there are kept where they will do.
            progress: As for `install`.
            **options: As for `install`: `files`, `constraints`, `editables`, `extras`, `groups`, `pre`, `upgrade`,
                `engine`.

        Raises:
            InstallError: As for `install`.
        """
        return outcomes.locked(_finish(self._lock(requirements, output, options), progress))

    async def lock_async(
        self, *requirements: str, output: Folder = "pylock.toml", progress: OnProgress = None, **options: Unpack[Asked]
    ) -> Locked:
        """As `lock`, without holding up the event loop."""
        return outcomes.locked(await _finish_async(self._lock(requirements, output, options), progress))

    def _lock(self, requirements: Sequence[str], output: Folder, options: Asked) -> Operation[dict[str, Any]]:
        return self._core.lock({**_given(requirements, options), "output": os.fspath(output)})

    # Whether it is whole.

    def verify(self, *, full: bool = False, imports: bool = False) -> Verification:
        """Compares the environment with what was installed.

        Args:
            full: Whether files are hashed that look as they did when they were hashed last.
            imports: Whether each package is imported, by the environment's interpreter.

        Raises:
            InstallError: When there is no environment, or it cannot be read.
        """
        return outcomes.verification(_finish(self._core.verify(full, imports), None))

    async def verify_async(self, *, full: bool = False, imports: bool = False) -> Verification:
        """As `verify`, without holding up the event loop."""
        return outcomes.verification(await _finish_async(self._core.verify(full, imports), None))

    def repair(self, *, full: bool = False, plan: bool = False, progress: OnProgress = None) -> Repair:
        """Puts back single files that are damaged or missing, from the cache or the index.

        Args:
            full: As for `verify`.
            plan: Whether nothing is done; the result then says what is damaged.
            progress: As for `install`.

        Raises:
            InstallError: As for `install`.
        """
        return outcomes.repair(_finish(self._repair(full, plan), progress))

    async def repair_async(self, *, full: bool = False, plan: bool = False, progress: OnProgress = None) -> Repair:
        """As `repair`, without holding up the event loop."""
        return outcomes.repair(await _finish_async(self._repair(full, plan), progress))

    def _repair(self, full: bool, plan: bool) -> Operation[dict[str, Any]]:
        if not plan and (tool := self._tool()) is not None:
            return tool.repair(full)
        return self._core.repair(full, plan)

    # The way back.

    def snapshots(self) -> list[SnapshotRow]:
        """The snapshots of this environment, the newest first.

        Raises:
            InstallError: When they cannot be read.
        """
        return outcomes.snapshots(self._core.snapshots().wait())

    async def snapshots_async(self) -> list[SnapshotRow]:
        """As `snapshots`, without holding up the event loop."""
        return outcomes.snapshots(await _finish_async(self._core.snapshots(), None))

    def snapshot(self, label: str | None = None) -> SnapshotRow:
        """Keeps the environment as it is. Where nothing has changed since the newest snapshot, that one is it.

        Args:
            label: A name for it, by which `rollback` finds it.

        Raises:
            InstallError: When it cannot be kept, or the label makes no sense.
        """
        return outcomes.snapshot(_finish(self._core.snapshot(label), None))

    async def snapshot_async(self, label: str | None = None) -> SnapshotRow:
        """As `snapshot`, without holding up the event loop."""
        return outcomes.snapshot(await _finish_async(self._core.snapshot(label), None))

    def rollback(
        self,
        to: int | str,
        *,
        paths: Sequence[Folder] = (),
        projects: Sequence[str] = (),
        keep_edits: bool = False,
        progress: OnProgress = None,
    ) -> Rollback:
        """Brings the environment back to how it was. What was there before is a snapshot of its own.

        Args:
            to: The number of a snapshot, its label, `newest`, or `last-good`.
            paths: Only these files and folders.
            projects: Only the files of these projects.
            keep_edits: Whether files stay that somebody has edited.
            progress: As for `install`.

        Raises:
            NoSuchPackageError: When there is no such snapshot.
            IntegrityError: When the snapshot is damaged.
            InstallError: When it cannot be done for another reason; the environment is as it was.
        """
        return outcomes.rollback(_finish(self._rollback(to, paths, projects, keep_edits), progress))

    async def rollback_async(
        self,
        to: int | str,
        *,
        paths: Sequence[Folder] = (),
        projects: Sequence[str] = (),
        keep_edits: bool = False,
        progress: OnProgress = None,
    ) -> Rollback:
        """As `rollback`, without holding up the event loop."""
        return outcomes.rollback(await _finish_async(self._rollback(to, paths, projects, keep_edits), progress))

    def _rollback(
        self, to: int | str, paths: Sequence[Folder], projects: Sequence[str], keep_edits: bool
    ) -> Operation[dict[str, Any]]:
        _list("paths", paths)
        _list("projects", projects)
        inside = [os.fspath(path) for path in paths]
        tool = self._tool()
        if tool is not None:
            return tool.rollback(str(to), inside, projects, keep_edits)
        return self._core.rollback(str(to), inside, list(projects), keep_edits)

    def _tool(self) -> Tool | None:
        """Who changes the environment instead of this process, where this one runs from it."""
        root = self.path
        if sys.prefix == sys.base_prefix or os.path.realpath(sys.prefix) != root:
            return None
        tool = Tool.find(root, self._core.options())
        if tool is None:
            raise OwnEnvironmentError(
                f"this process runs from {root}, and must not replace it under itself: install the `stratheal` program "
                "outside of it (`pip install stratheal[cli]`), and this is handed to it"
            )
        return tool

    def __repr__(self) -> str:
        """Where it is."""
        return f"<Environment {self._core.named()}>"


def _path(path: Folder | None) -> str | None:
    return None if path is None else os.fspath(path)


def _list(name: str, given: object) -> None:
    # Letter by letter, a text is a list as well.
    if isinstance(given, str | os.PathLike):
        raise TypeError(f"{name} is a list, such as [{str(given)!r}]")


def _given(requirements: Sequence[str], options: Asked | InstallOptions) -> dict[str, Any]:
    given = dict(cast("dict[str, Any]", options))
    for name in ("files", "constraints", "editables", "extras", "groups"):
        _list(name, given.get(name, ()))
    for name in ("files", "constraints", "editables"):
        given[name] = [os.fspath(path) for path in given.get(name, ())]
    for name in ("extras", "groups"):
        given[name] = list(given.get(name, ()))
    return {**given, "requirements": list(requirements)}


def _finish(operation: Operation[_Made], progress: OnProgress) -> _Made:
    return operation.wait(_teller(progress))


async def _finish_async(operation: Operation[_Made], progress: OnProgress) -> _Made:
    from stratheal._loop import finish

    return await finish(operation, _teller(progress))


def _teller(progress: OnProgress) -> Callable[[tuple[Any, ...]], object] | None:
    return None if progress is None else lambda told: progress(outcomes.Progress(*told))
