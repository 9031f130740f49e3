"""Event loops: coroutines that checks are, and operations that coroutines wait for.

A loop watches a pipe, as it watches its sockets. No thread of the library ever enters the interpreter for it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakKeyDictionary

from stratheal._calls import fail, leave_fork, plain
from stratheal._stratheal import Reader, Sender

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stratheal._calls import Functions
    from stratheal._stratheal import Operation, Run

T = TypeVar("T")

TELL = 0.05
"""How often, in seconds, somebody is told what happens."""

SETTLE = 10.0
"""How many seconds what was cancelled may take to clear up after itself."""


class Binding:
    """One event loop, and what goes on in it for the library. It does not keep the loop alive."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has a loop watch a new pipe."""
        self._served: list[Functions] = []
        self._reader: Reader
        self.sender, self._reader = Sender.open()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._futures: dict[int, asyncio.Future[None]] = {}
        loop.add_reader(self._reader.fileno(), self._ready)

    def _ready(self) -> None:
        try:
            os.read(self._reader.fileno(), 65536)
        except BlockingIOError:
            return
        runs, cancelled, ended = self._reader.take_all()
        for run in runs:
            self._call(run)
        for number in cancelled:
            task = self._tasks.get(number)
            if task is not None:
                task.cancel()
        for number in ended:
            future = self._futures.get(number)
            if future is not None and not future.done():
                future.set_result(None)

    def _call(self, run: Run) -> None:
        if run.key == 0:
            # It is only asked how long this takes.
            run.begin()
            return
        function = next((served[run.key] for served in self._served if run.key in served), None)
        if function is None or not run.begin():
            return
        number = run.number
        task = asyncio.get_running_loop().create_task(_answer(run, function), name=f"stratheal-check-{number}")
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    def serve(self, functions: Functions) -> None:
        """Calls these functions from now on."""
        self._served.append(functions)

    def leave(self, functions: Functions) -> None:
        """Calls them no more."""
        self._served = [served for served in self._served if served is not functions]

    async def finish(self, operation: Operation[T], tell: Callable[[tuple[Any, ...]], object] | None = None) -> T:
        """Waits for an operation. Cancelling this cancels it, as does what `tell` raises, which is told meanwhile."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures[operation.number] = future
        try:
            if not operation.tell(self.sender):
                while tell is not None and not (await asyncio.wait([future], timeout=TELL))[0]:
                    _tell_all(operation, tell)
                await future
            if tell is not None:
                _tell_all(operation, tell)
        except GeneratorExit:  # Nothing can be waited for any more.
            operation.cancel()
            raise
        except BaseException:
            operation.cancel()
            # What has been begun comes to its end, or is taken back, before others go on.
            if not future.done():
                await asyncio.wait([future], timeout=SETTLE)
            raise
        finally:
            del self._futures[operation.number]
        return operation.result()


def _tell_all(operation: Operation[T], tell: Callable[[tuple[Any, ...]], object]) -> None:
    for told in operation.told():
        tell(told)


async def _answer(run: Run, function: Callable[[], object]) -> None:
    process = os.getpid()
    try:
        value = plain(await cast("Awaitable[object]", function()))
    except asyncio.CancelledError as error:
        fail(run, error)
        raise
    except BaseException as error:  # Also SystemExit: it must not end the loop of the application.
        leave_fork(process)
        fail(run, error)
    else:
        leave_fork(process)
        run.done(value)


_bindings: WeakKeyDictionary[asyncio.AbstractEventLoop, Binding] = WeakKeyDictionary()


def binding_of(loop: asyncio.AbstractEventLoop) -> Binding:
    """What goes on for the library in a loop, which has to be the one of this thread, or not to run yet."""
    binding = _bindings.get(loop)
    if binding is None:
        binding = _bindings[loop] = Binding(loop)
    return binding


async def finish(operation: Operation[T], tell: Callable[[tuple[Any, ...]], object] | None = None) -> T:
    """Waits for an operation in the loop that runs."""
    return await binding_of(asyncio.get_running_loop()).finish(operation, tell)


def forget() -> None:
    """Forgets all loops, in a process that was forked: none of them runs here."""
    _bindings.clear()


class PrivateLoop:
    """A loop on a thread of its own, for coroutines of applications that have none."""

    def __init__(self) -> None:
        """Starts the thread."""
        self._loop = asyncio.new_event_loop()
        self.binding = binding_of(self._loop)
        threading.Thread(target=self._run, name="stratheal-loop", daemon=True).start()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def stop(self) -> None:
        """Has the loop end, soon."""
        self._loop.call_soon_threadsafe(self._loop.stop)
