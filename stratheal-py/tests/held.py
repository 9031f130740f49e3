"""What a process holds: memory, objects, threads and files."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc
from pathlib import Path
from typing import NamedTuple

FEW = 24
"""So many threads are no sign of anything."""

LARGE = 512 * 1024
"""Bytes of one allocation that is no sign of anything: a table of the interpreter that is made anew when it is full."""

PATIENCE = 15.0
"""Seconds that more of them have to end."""


class Held(NamedTuple):
    """What a process holds at one moment."""

    resident: int
    """Bytes in memory."""
    traced: int
    """Bytes of Python objects, as `tracemalloc` counts them from its start on; without `LARGE` ones."""
    objects: int
    """Objects that the garbage collector knows."""
    ours: int
    """Those whose class or function is of the package, or of a test."""
    threads: int
    """Those of the library as well."""
    descriptors: int
    """Open files."""


def _is_ours(one: object) -> bool:
    module = getattr(one if callable(one) else type(one), "__module__", None)
    return isinstance(module, str) and module.partition(".")[0] in {"stratheal", "__main__"}


def _count(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _settle() -> int:
    """Waits until threads that were told to end have ended; those of the library that are idle do so after a while."""
    end = time.monotonic() + PATIENCE
    threads = 0
    while threads != (threads := _count("/proc/self/task")) or (threads > FEW and time.monotonic() < end):
        time.sleep(0.2)
    return threads


def _traced() -> int:
    if not tracemalloc.is_tracing():
        return 0
    sizes = (trace.size for trace in tracemalloc.take_snapshot().traces)
    return sum(size for size in sizes if size < LARGE)


def held() -> Held:
    """What is held when all that is over has ended."""
    gc.collect()
    threads = _settle()
    gc.collect()
    traced = _traced()
    gc.collect()
    objects = gc.get_objects()
    return Held(
        resident=int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE"),
        traced=traced,
        objects=len(objects),
        ours=sum(_is_ours(one) for one in objects),
        threads=threads,
        descriptors=_count("/proc/self/fd"),
    )
