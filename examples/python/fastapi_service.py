"""A web service that watches itself: `uvicorn fastapi_service:app`, then `curl http://127.0.0.1:8000/monitor/health`.

Checks run beside the application, never in a request: what hangs costs nobody anything.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import stratheal

monitor = stratheal.Monitor(details=True)
jobs: asyncio.Queue[str] = asyncio.Queue()


@monitor.check("queue", interval="1s", warn_if="> 100", crit_if="> 1000", hint="start another worker")
async def queue_depth() -> int:
    """How many jobs wait; a coroutine, on the loop of the application."""
    return jobs.qsize()


@monitor.check("backend", interval="5s", timeout="1s")
def backend() -> None:
    """Something that hangs, on a thread of its own. It is cut off, told, and holds up nobody."""
    time.sleep(30)


# These need no Python at all.
monitor.add("disk", disk=True, interval="30s")
monitor.add("memory", memory=True, interval="30s")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """The monitor lives as long as the application."""
    async with monitor:
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/monitor", monitor.asgi())


@app.get("/")
async def root() -> dict[str, str]:
    """What the application itself is asked."""
    return {"status": monitor.snapshot().status.label}


@app.post("/jobs/{name}")
async def add_job(name: str) -> dict[str, int]:
    """Adds a job that nobody does."""
    await jobs.put(name)
    return {"waiting": jobs.qsize()}
