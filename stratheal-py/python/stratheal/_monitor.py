"""The monitor: what is to be checked, and how it is."""

from __future__ import annotations

import _thread
import itertools
import os

from stratheal._check import Check
from stratheal._errors import ConfigurationError, DuplicateError, NotRunningError
from stratheal._options import is_of_host, of_check
from stratheal._process import close, close_below, install_hooks, monitors
from stratheal._remedy import Remedy, answer, remedy_of
from stratheal._stratheal import Core

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than everything else here."""

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import Any, Literal, TypeVar

    from typing_extensions import Unpack

    from stratheal._history import ChangeRow, RunRow
    from stratheal._loop import Binding, PrivateLoop
    from stratheal._options import CheckOptions, HealOptions
    from stratheal._stratheal import CheckState, Event, Operation, Snapshot
    from stratheal._threads import Threads
    from stratheal.asgi import AsgiApp
    from stratheal.wsgi import WsgiApp

    _Made = TypeVar("_Made")
    _Function = TypeVar("_Function", bound=Callable[[], object])
    _Healer = TypeVar("_Healer", bound=type[Remedy] | Callable[[], object])

GRACE = 3.0
"""How many seconds checks have to end when the monitor stops."""


class Monitor:
    """Checks things again and again, and knows how they are.

    Checks are written in Python, described by options, or read from a `stratheal.toml`. They run on threads of the
    library; functions written in Python run on threads or on the event loop of the application, each by its kind.

    Example:
        >>> monitor = Monitor()
        >>> @monitor.check("queue", interval="10s", warn_if="> 100", crit_if="> 1000")
        ... def queue_depth() -> float:
        ...     return 12
        >>> with monitor:
        ...     monitor.run("queue").status.label
        'healthy'
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        environment: str | None = None,
        threads: int = 8,
        details: bool = False,
        hosts: Sequence[str] = (),
        listen: str | None = None,
        state_dir: str | os.PathLike[str] | None = None,
        history: bool = False,
        supervise: bool = False,
    ) -> None:
        """Makes a monitor, which does nothing before it is started.

        Args:
            config: A `stratheal.toml`, or a `pyproject.toml` with `[tool.stratheal]`; or what stands in one, such as
                `{"checks": {"web": {"http": "http://127.0.0.1:8080/healthz"}}}`. Its checks are taken.
            environment: The overlay of that file that is laid over it.
            threads: How many plain functions run at the same time.
            details: Whether the web endpoints show what checks say.
            state_dir: Where it is written down what is healed, so that it goes on after a crash. One process at a time
                has it and heals; others stand by, and take over when that one ends. Without one it is forgotten at the
                end.
            history: Whether runs are recorded there, for `runs` and `changes`.
            supervise: Whether the services of the configuration run, and what it says about healing and telling people
                is done, as `stratheal up` would do it, by the one process that has the state folder. It must not name
                this application itself: that is for `stratheal up`.
            hosts: Names, beside addresses and `localhost`, under which the web endpoints answer.
            listen: Where the web endpoints are served while the monitor runs, such as `127.0.0.1:8090`; with port 0,
                `listening` tells which it is. No thread of Python takes part, so they answer also when the interpreter
                is busy. One process at a time can have an address: workers of a web server mount `asgi` or `wsgi`.

        Raises:
            ConfigurationError: When the file has mistakes; all of them are named.
            ConfigurationNotFoundError: When there is no such file.
        """
        if history and state_dir is None and not supervise:
            raise ConfigurationError("a history needs a state_dir to be recorded in")
        if supervise and config is None:
            raise ConfigurationError("there is nothing to supervise without a config")
        if not 0 < threads <= 256:
            raise ConfigurationError("threads are 1 to 256")
        try:
            self._core = Core(threads, details, list(hosts), listen, history, supervise)
        except ValueError as error:
            raise ConfigurationError(f"listen: {error}") from error
        self._functions: dict[int, Callable[..., object]] = {}
        self._names: dict[str, tuple[int, str, bool]] = {}
        self._supervises = supervise
        self._starting = _thread.RLock()
        self._threads: Threads | None = None
        self._binding: Binding | None = None
        self._private: PrivateLoop | None = None
        if config is not None:
            given = os.fspath(config) if isinstance(config, str | os.PathLike) else dict(config)
            place = self._core.load(given, environment)
            if supervise and state_dir is None:
                state_dir = place
        self._state = None if state_dir is None else os.path.realpath(state_dir)
        monitors.add(self)

    # What is checked.

    def check(self, name: str, **options: Unpack[CheckOptions]) -> Callable[[_Function], _Function]:
        """Makes a check of the function below it.

        The function takes nothing. It returns a number, which `warn_if` and `crit_if` judge; True or False; a `Report`;
        or None when all is well. What it raises makes the check Unknown, and is kept with its traceback. A coroutine
        function runs on the event loop, any other on a thread.

        Args:
            name: Its name, such as `queue` or `db/replica`.
            **options: As in the file: `interval` and `timeout` (a text such as "10s", seconds, or a `timedelta`),
                `fail_after`, `recover_after`, `warn_if`, `crit_if`, `depends_on`, `tags`, `required`, `probes`, `hint`
                and the others of docs/configuration.md. With a `state_dir`, `scope="host"` has it run in one process of
                the application only; the others repeat what that one finds.

        Returns:
            The decorator. It gives the function back as it is.

        Raises:
            ConfigurationError: When an option makes no sense.
            DuplicateError: When another function has the name. The same one, loaded again, takes its place.
        """

        def register(function: _Function) -> _Function:
            self._register(name, function, options)
            return function

        return register

    def add(self, check: Check | str, **options: object) -> None:
        """Adds a check: an object of a class of yours, or one of the types that need no Python.

        Args:
            check: A `Check`, or the name of a check that the options describe.
            **options: Options of the file. With a name, one of them says what is checked, such as
                `http="http://127.0.0.1:8080/healthz"` or `disk=True`. These are about the host unless they say
                `scope="process"`.

        Raises:
            ConfigurationError: When an option makes no sense.
            DuplicateError: When another check has the name.
        """
        if isinstance(check, Check):
            self._register(check.name, check.check, {**check.options, **options})
        else:
            _wait(self._describe(check, options))

    async def add_async(self, check: Check | str, **options: object) -> None:
        """As `add`, without holding up the event loop."""
        if isinstance(check, Check):
            await _wait_async(self._enter(check.name, check.check, {**check.options, **options}))
        else:
            await _wait_async(self._describe(check, options))

    def _describe(self, name: str, options: Mapping[str, object]) -> Operation[None] | None:
        return self._core.describe(name, of_check(options), is_of_host(options, "host"))

    def remove(self, name: str) -> None:
        """Takes a check out.

        Raises:
            NoSuchCheckError: When there is none of that name.
        """
        _wait(self._core.remove(name))
        self._forget(name)

    async def remove_async(self, name: str) -> None:
        """As `remove`, without holding up the event loop."""
        await _wait_async(self._core.remove(name))
        self._forget(name)

    def _forget(self, name: str) -> None:
        key, _, _ = self._names.pop(name, (0, "", False))
        self._functions.pop(key, None)

    def _register(self, name: str, function: Callable[[], object], options: Mapping[str, object]) -> None:
        _wait(self._enter(name, function, options))

    def _enter(
        self, name: str, function: Callable[[], object], options: Mapping[str, object]
    ) -> Operation[None] | None:
        where = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
        owner = getattr(function, "__self__", None)
        if owner is not None:
            # Methods of two objects are two functions.
            where += f" of {owner!r}" if isinstance(owner, Check) else f" of object {id(owner)}"
        known = self._names.get(name)
        if known is not None and known[1] != where:
            message = f"the check `{name}` is {known[1]} already, and cannot be {where} as well: remove it first"
            raise DuplicateError(message)
        import inspect  # It takes long to import, and not everybody has a check.

        on_loop = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004  # An object with an `async def __call__`.
        )
        key = next(_keys)
        self._functions[key] = function
        if on_loop and self.running:
            self._need_loop()
            if self._binding is not None:
                self._core.bind(self._binding.sender)
        try:
            added = self._core.register(name, of_check(options), key, on_loop, is_of_host(options, "process"))
        except BaseException:
            del self._functions[key]
            raise
        self._names[name] = (key, where, on_loop)
        if known is not None:
            self._functions.pop(known[0], None)
        return added

    def remedy(
        self, name: str, *, risk: Literal["observe", "local", "disruptive", "destructive"] = "disruptive"
    ) -> Callable[[_Healer], _Healer]:
        """Makes a remedy of the class or function below it. It is there from the next start on.

        Args:
            name: Its name.
            risk: How much it may break: `observe`, `local`, `disruptive` or `destructive`.

        Returns:
            The decorator. It gives the class or function back as it is.

        Raises:
            ValueError: When the name or the risk makes no sense.
        """

        def register(healer: _Healer) -> _Healer:
            remedy = remedy_of(name, healer)
            key = next(_keys)
            self._core.remedy(name, risk, key)
            self._functions[key] = lambda method, arguments: answer(remedy, method, arguments)
            return healer

        return register

    def heal_by(self, check: str, *ladder: str, **options: Unpack[HealOptions]) -> None:
        """Says what is tried when a check fails, in this order, until it passes. It holds from the next start on.

        Args:
            check: The check.
            *ladder: Names of remedies.
            **options: Those of `[heal.CHECK]` in docs/configuration.md, such as `approval` or `probation`. Whatever
                they say, a check has to have failed twice, or for a minute, before something is done.

        Raises:
            ConfigurationError: When an option makes no sense.
        """
        given: Mapping[str, object] = options
        self._core.policy(check, of_check({"ladder": list(ladder), **given}))

    def healing(self) -> dict[str, Any]:
        """What is broken, and what is being done about it: `incidents`, `attempts`, `approvals` and `ended`.

        Raises:
            NotRunningError: When the monitor does not run in this process, or nothing is to be healed.
        """
        return self._core.healing()

    def heal(self, check: str | None = None) -> int:
        """Begins anew, at once, with what is tried for a check, or for all that are broken.

        Returns:
            Of how many.
        """
        return self._core.heal(check, "the application").wait()

    async def heal_async(self, check: str | None = None) -> int:
        """As `heal`, without holding up the event loop."""
        return await _finish(self._core.heal(check, "the application"))

    def approve(self, token: str, *, by: str = "the application") -> str:
        """Approves a plan that waits for it, one of `healing()["approvals"]`: it is done if it is still the same.

        Args:
            token: Of the plan.
            by: Who approves it, for the record.

        Returns:
            The check that it is for.

        Raises:
            StrathealError: When no plan waits under this token.
        """
        return self._core.approve(token, by).wait()

    async def approve_async(self, token: str, *, by: str = "the application") -> str:
        """As `approve`, without holding up the event loop."""
        return await _finish(self._core.approve(token, by))

    # Services.

    def services(self) -> list[dict[str, Any]]:
        """How the services of the configuration are: `id`, `state`, `pid`, `restarts`, and so on. It waits for nothing.

        Raises:
            NotRunningError: When the monitor does not run in this process, or does not supervise.
            StateError: When another process looks after them.
        """
        return self._core.services()

    def start_service(self, name: str) -> None:
        """Starts a service, and waits until its program runs. Whether it works already, its check says.

        Raises:
            NoSuchServiceError: When there is none of that name.
            ServiceError: When it cannot be started.
        """
        self._core.control(name, "start").wait()

    async def start_service_async(self, name: str) -> None:
        """As `start_service`, without holding up the event loop."""
        await _finish(self._core.control(name, "start"))

    def stop_service(self, name: str) -> None:
        """Stops a service, and waits until it is gone. It stays so, and is not healed, until somebody starts it.

        Raises:
            NoSuchServiceError: When there is none of that name.
            ServiceError: When it cannot be stopped.
        """
        self._core.control(name, "stop").wait()

    async def stop_service_async(self, name: str) -> None:
        """As `stop_service`, without holding up the event loop."""
        await _finish(self._core.control(name, "stop"))

    def restart_service(self, name: str) -> None:
        """Stops a service, makes sure that it is gone, and starts it; errors as for the others."""
        self._core.control(name, "restart").wait()

    async def restart_service_async(self, name: str) -> None:
        """As `restart_service`, without holding up the event loop."""
        await _finish(self._core.control(name, "restart"))

    # Running.

    @property
    def running(self) -> bool:
        """Whether it runs in this process."""
        return self._core.is_running()

    @property
    def listening(self) -> tuple[str, int] | None:
        """The address and port at which the web endpoints are served; None where they are not."""
        found = self._core.listening() if self.running else None
        return None if found is None else found[:2]

    def start(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Starts it. When it runs already, nothing happens.

        Args:
            loop: The event loop that coroutines run on: one of this thread, or one that does not run yet. The check
                `event-loop` is a Warning when something blocks it for more than a tenth of a second. Without one, they
                run on a loop and a thread of their own. `async with` takes the loop that runs.

        Raises:
            ConfigurationError: When the checks do not fit together.
            AddressError: When the address to listen at cannot be had.
        """
        with self._starting:
            if not self.running:
                self._start(loop)

    def _start(self, loop: asyncio.AbstractEventLoop | None) -> None:
        from stratheal import _log
        from stratheal._threads import Threads

        self._release()
        _log.begin()
        install_hooks()
        # Before anything runs: the first checks run at once.
        if loop is not None:
            from stratheal._loop import binding_of

            self._serve(binding_of(loop))
        elif any(on_loop for _, _, on_loop in self._names.values()):
            self._need_loop()
        sender = None if self._binding is None else self._binding.sender
        try:
            keeper = _keeper() if self._supervises else None
            self._threads = Threads(self._core.start(sender, loop is not None, self._state, keeper), self._functions)
        except BaseException:
            self._release()
            raise

    def stop(self, grace: float = GRACE) -> list[str]:
        """Stops it, and waits until checks have ended. When it does not run, nothing happens.

        Args:
            grace: How many seconds checks get to end; then they are cut off.

        Returns:
            The names of checks that could not be stopped. Their threads end with the process.
        """
        with self._starting:
            if not self.running:
                self._release()
                return []
            stuck = self._core.stuck()
            try:
                left = self._core.stop(_grace(grace)).wait()
                return sorted({*left, *stuck, *self._core.stuck()})
            finally:
                self._release()

    async def stop_async(self, grace: float = GRACE) -> list[str]:
        """As `stop`, without holding up the event loop."""
        if not self.running:
            self._release()
            return []
        import asyncio

        stuck = self._core.stuck()
        try:
            # Cancelled, it stops all the same.
            left = await asyncio.shield(asyncio.ensure_future(_finish(self._core.stop(_grace(grace)))))
            return sorted({*left, *stuck, *self._core.stuck()})
        finally:
            self._release()

    def __enter__(self) -> Monitor:
        """Starts it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops it."""
        self.stop()

    async def __aenter__(self) -> Monitor:
        """Starts it; coroutines run on the event loop that runs now."""
        import asyncio

        self.start(loop=asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops it."""
        await self.stop_async()

    def _need_loop(self) -> None:
        if self._binding is None:
            from stratheal._loop import PrivateLoop

            self._private = PrivateLoop()
            self._serve(self._private.binding)

    def _serve(self, binding: Binding) -> None:
        self._binding = binding
        binding.serve(self._functions)

    def _release(self) -> None:
        self._core.release()
        if self._binding is not None:
            self._binding.leave(self._functions)
        if self._private is not None:
            self._private.stop()
        self._threads = self._binding = self._private = None

    def _forked(self) -> None:
        """In a process that was forked nothing runs: it is as if it had not been started."""
        _, _, listener = self._core.listening() or (None, None, None)
        if listener is not None:
            # The port is the parent's, and has to be free when that one ends.
            close(listener)
        self._core.release()
        if self._state is not None and self._threads is not None:
            close_below(self._state)
        self._starting = _thread.RLock()
        self._threads = self._binding = self._private = None

    # How things are.

    def snapshot(self) -> Snapshot:
        """How all checks are. It waits for nothing, and is at most 50 milliseconds old.

        Raises:
            NotRunningError: When the monitor does not run in this process.
        """
        return self._core.snapshot()

    def state(self, name: str) -> CheckState:
        """How one check is. It waits for nothing.

        Raises:
            NoSuchCheckError: When there is none of that name.
            NotRunningError: When the monitor does not run in this process.
        """
        return self._core.check(name)

    def run(self, name: str) -> CheckState:
        """Runs a check now, and waits for what it finds.

        Raises:
            NoSuchCheckError: When there is none of that name.
            NotRunningError: When the monitor does not run in this process.
        """
        return self._core.run(name).wait()

    async def run_async(self, name: str) -> CheckState:
        """As `run`, without holding up the event loop."""
        return await _finish(self._core.run(name))

    def pause(self, name: str, reason: str) -> None:
        """Stops running a check until it is resumed. Its state stays, and makes nothing else fail."""
        self._core.pause(name, reason).wait()

    async def pause_async(self, name: str, reason: str) -> None:
        """As `pause`, without holding up the event loop."""
        await _finish(self._core.pause(name, reason))

    def resume(self, name: str) -> None:
        """Runs a paused check again."""
        self._core.resume(name).wait()

    async def resume_async(self, name: str) -> None:
        """As `resume`, without holding up the event loop."""
        await _finish(self._core.resume(name))

    def events(self) -> AsyncIterator[Event]:
        """What happens from now on, until the monitor stops.

        Yields:
            Each run, change of state, and so on, in order. One that is more than a thousand behind misses the oldest.
        """
        subscription = self._core.subscribe()

        async def happened() -> AsyncIterator[Event]:
            while (event := await _finish(subscription.next())) is not None:
                yield event

        return happened()

    def events_blocking(self) -> Iterator[Event]:
        """As `events`, for a thread that may wait."""
        subscription = self._core.subscribe()

        def happened() -> Iterator[Event]:
            while (event := subscription.next().wait()) is not None:
                yield event

        return happened()

    def runs(
        self,
        check: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1000,
    ) -> list[RunRow]:
        """Recorded runs, the newest first.

        Args:
            check: Of this check only.
            since: From this moment on.
            until: Before this moment.
            limit: So many at most.

        Raises:
            NotRunningError: When the monitor does not run in this process, or nothing is recorded there.
        """
        return _run_rows(self._core.runs(check, _seconds(since), _seconds(until), limit).wait())

    async def runs_async(
        self,
        check: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1000,
    ) -> list[RunRow]:
        """As `runs`, without holding up the event loop."""
        return _run_rows(await _finish(self._core.runs(check, _seconds(since), _seconds(until), limit)))

    def changes(
        self,
        check: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1000,
    ) -> list[ChangeRow]:
        """Recorded changes of state, the newest first; arguments and errors as for `runs`."""
        return _change_rows(self._core.changes(check, _seconds(since), _seconds(until), limit).wait())

    async def changes_async(
        self,
        check: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1000,
    ) -> list[ChangeRow]:
        """As `changes`, without holding up the event loop."""
        return _change_rows(await _finish(self._core.changes(check, _seconds(since), _seconds(until), limit)))

    # The web.

    def asgi(self) -> AsgiApp:
        """An ASGI application that answers `/health`, `/livez`, `/readyz`, `/startupz` and `/metrics`."""
        from stratheal.asgi import AsgiApp

        return AsgiApp(self)

    def wsgi(self) -> WsgiApp:
        """A WSGI application that answers the same."""
        from stratheal.wsgi import WsgiApp

        return WsgiApp(self)

    def answer(self, path: str, tag: str | None, accept: str, host: str | None) -> tuple[int, str, str, bytes]:
        """What the web applications answer; starts the monitor where it does not run, as after a fork.

        Args:
            path: The path below which the application is mounted has been taken away.
            tag: Only checks with this tag.
            accept: The header of that name.
            host: The header of that name.

        Returns:
            The status, the content type, how long it may be kept, and the body.
        """
        try:
            return self._core.answer(path, tag, accept, host)
        except NotRunningError:
            self.start()
            return self._core.answer(path, tag, accept, host)

    def __del__(self) -> None:
        """Ends with what it has begun."""
        # Not at the end of the interpreter, when nothing of it is left.
        if monitors is not None and hasattr(self, "_private"):
            self._release()

    def __repr__(self) -> str:
        """How it is, in a few words."""
        if not self.running:
            return "<Monitor, not running>"
        return f"<Monitor, {self.snapshot()!r}>"


def _grace(seconds: float) -> float:
    if not seconds >= 0:
        raise ValueError("a grace is a number of seconds, and not less than none")
    return min(seconds, 1e9)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _run_rows(rows: list[tuple[Any, ...]]) -> list[RunRow]:
    from stratheal._history import RunRow

    return [RunRow(*row) for row in rows]


def _change_rows(rows: list[tuple[Any, ...]]) -> list[ChangeRow]:
    from stratheal._history import ChangeRow

    return [ChangeRow(*row) for row in rows]


def _wait(operation: Operation[None] | None) -> None:
    """Waits for what is only done while the monitor runs."""
    if operation is not None:
        operation.wait()


async def _wait_async(operation: Operation[None] | None) -> None:
    if operation is not None:
        await _finish(operation)


async def _finish(operation: Operation[_Made]) -> _Made:
    from stratheal._loop import finish

    return await finish(operation)


def _keeper() -> tuple[str, list[str]]:
    from stratheal._keeper import command

    return command()


_keys = itertools.count(1)
