"""Threads for checks that are plain functions.

Each waits in `os.read` for a byte of a pipe, and so holds no frame of native code: it may be stuck, or die with the
interpreter, and nothing comes to harm. There is always one that listens. How many functions run at the same time is
decided by whoever writes to the pipe.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from stratheal._calls import call

if TYPE_CHECKING:
    from stratheal._calls import Functions
    from stratheal._stratheal import Reader

KEPT = 4
"""So many threads stay when there is nothing to do."""


class Threads:
    """Threads that call functions until the pipe is closed."""

    def __init__(self, reader: Reader, functions: Functions) -> None:
        """Starts the first thread."""
        self._reader = reader
        self._functions = functions
        self._lock = threading.Lock()
        self._idle = 0
        self._count = 0
        self._begin()

    def _begin(self) -> None:
        with self._lock:
            self._idle += 1
            self._count += 1
            name = f"stratheal-check-{self._count}"
        try:
            threading.Thread(target=self._listen, name=name, daemon=True).start()
        except BaseException:
            with self._lock:
                self._idle -= 1
            raise

    def _listen(self) -> None:
        while os.read(self._reader.fileno(), 1):
            run = self._reader.take()
            if run is None:
                continue
            with self._lock:
                self._idle -= 1
                is_last = self._idle == 0
            if is_last:
                # Where the system gives no thread, this one listens again when it is done.
                with contextlib.suppress(RuntimeError):
                    self._begin()
            if run.begin():
                call(run, self._functions)
            # What it refers to must not live until the next call.
            del run
            with self._lock:
                if self._idle >= KEPT:
                    return
                self._idle += 1
