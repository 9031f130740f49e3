"""A worker that heals itself: it gets stuck, which its check sees, and its remedy gives it a new connection.

Run it: `python worker.py`. It ends when it was healed.
"""

import threading
import time

import stratheal


class Connection:
    """A connection that breaks after a while, and then hangs."""

    def __init__(self) -> None:
        """A new one."""
        self.made = time.monotonic()

    def ask(self) -> bool:
        """Whether it answers; the first one does for half a second."""
        return self is not first or time.monotonic() - self.made < 0.5


first = Connection()


class Worker:
    """Does something again and again, and remembers when it did so last."""

    def __init__(self) -> None:
        """A worker with its first connection."""
        self.connection = first
        self.last = time.monotonic()
        self.stopped = threading.Event()

    def work(self) -> None:
        """Works until it is stopped."""
        while not self.stopped.wait(0.05):
            if self.connection.ask():
                self.last = time.monotonic()


worker = Worker()
monitor = stratheal.Monitor()


@monitor.check("worker", interval="200ms", timeout="100ms", fail_after=2, crit_if="> 0.5")
def idle_for() -> float:
    """For how many seconds it has done nothing."""
    return time.monotonic() - worker.last


@monitor.remedy("reconnect", risk="local")
def reconnect() -> str:
    """Gives it a new connection."""
    worker.connection = Connection()
    return "the worker has a new connection"


monitor.heal_by("worker", "reconnect", verify_timeout="5s", probation="1s")


def main() -> None:
    """Works until it was healed."""
    threading.Thread(target=worker.work, daemon=True).start()
    with monitor:
        for event in monitor.events_blocking():
            if event.kind == "changed":
                print(
                    f"{event.check}: {event.data['summary']} ({event.data['from']} -> {event.data['to']})", flush=True
                )
            ended = monitor.healing()["ended"]
            if ended:
                print(f"{ended[0]['remedy']}: {ended[0]['verdict']['verdict']}")
                break
    worker.stopped.set()


if __name__ == "__main__":
    main()
