"""The native half of the package; import `stratheal` instead."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from os import PathLike
from typing import Any, Final, Generic, TypeVar, final

from stratheal._status import Status

__all__ = [
    "CheckState",
    "Core",
    "EnvironmentCore",
    "Event",
    "LogReader",
    "Metric",
    "Operation",
    "Reader",
    "Report",
    "Run",
    "Sender",
    "Snapshot",
    "Subscription",
    "__version__",
    "parse_duration",
    "play_role",
    "run_tool",
    "status_codes",
]

_T = TypeVar("_T")

__version__: Final[str]
"""The version of the library."""

def status_codes() -> dict[str, int]:
    """Returns the number of each status by its lowercase word.

    Returns:
        A new dictionary: `healthy` 0, `warning` 1, `critical` 2 and `unknown` 3.
    """

def parse_duration(text: str) -> float:
    """Returns a time such as "90s" or "1.5h" in seconds.

    Raises:
        ValueError: When it is none.
    """

def play_role(words: list[str]) -> bool | None:
    """Is the keeper of services, or an executor, as these words say.

    Returns:
        How it ended; None when they say neither.
    """

def run_tool(
    program: str | PathLike[str], argv: list[str], variables: dict[str, str], root: str | PathLike[str]
) -> Operation[dict[str, Any]]:
    """Runs the command line tool to change an environment. Its result is the document that it prints."""

@final
class Metric:
    """A measured number. Values are in the base unit: 0.3 seconds, never 300 milliseconds."""

    def __new__(
        cls, name: str, value: float, unit: str = "", *, min: float | None = None, max: float | None = None
    ) -> Metric:
        """A metric.

        Args:
            name: Its name, in `snake_case`.
            value: The value in the base unit.
            unit: `s` seconds, `%` percent, `B` bytes, `c` a number that only grows, or a short word of your own.
            min: The least it can be.
            max: The most it can be.

        Raises:
            ValueError: When the unit is longer than 16 characters.
        """

    @property
    def name(self) -> str:
        """Its name."""
    @property
    def value(self) -> float:
        """The value in the base unit."""
    @property
    def unit(self) -> str:
        """The unit."""
    @property
    def min(self) -> float | None:
        """The least it can be."""
    @property
    def max(self) -> float | None:
        """The most it can be."""
    def __getnewargs_ex__(self) -> tuple[tuple[str, float, str], dict[str, float | None]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Report:
    """What one run of a check found.

    Example:
        >>> from stratheal import Report
        >>> Report.warning("queue is long", metrics={"depth": 120}, hint="start another worker")
        <Report warning: queue is long>
    """

    def __new__(
        cls,
        status: Status | int | str,
        summary: object,
        *,
        code: str | None = None,
        metrics: Mapping[str, float | Metric] | None = None,
        data: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> Report:
        """A report.

        Args:
            status: A `Status`, its number, or its word.
            summary: One line for people; what is longer than 1024 bytes is cut.
            code: A stable word for programs, in `kebab-case`.
            metrics: Numbers by name.
            data: More facts, as far as JSON knows them; 16 KiB at most are kept.
            hint: What a person can do, beginning with a verb.

        Raises:
            ValueError: When there is no such status.
            TypeError: When a fact is nothing that JSON knows.
        """

    @staticmethod
    def healthy(
        summary: object,
        *,
        code: str | None = None,
        metrics: Mapping[str, float | Metric] | None = None,
        data: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> Report:
        """It works."""
    @staticmethod
    def warning(
        summary: object,
        *,
        code: str | None = None,
        metrics: Mapping[str, float | Metric] | None = None,
        data: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> Report:
        """It works, but somebody should look."""
    @staticmethod
    def critical(
        summary: object,
        *,
        code: str | None = None,
        metrics: Mapping[str, float | Metric] | None = None,
        data: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> Report:
        """It does not work."""
    @staticmethod
    def unknown(
        summary: object,
        *,
        code: str | None = None,
        metrics: Mapping[str, float | Metric] | None = None,
        data: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ) -> Report:
        """It could not be told."""
    @property
    def status(self) -> Status:
        """How it is."""
    @property
    def summary(self) -> str:
        """One line for people."""
    @property
    def code(self) -> str:
        """A stable word for programs; `ok` when there is nothing to say."""
    @property
    def hint(self) -> str | None:
        """What a person can do."""
    @property
    def metrics(self) -> dict[str, Metric]:
        """Numbers by name; a new dictionary."""
    @property
    def data(self) -> dict[str, Any]:
        """More facts; a new dictionary. Of an exception: `exception`, its type, and `traceback`."""
    def __getnewargs_ex__(self) -> tuple[tuple[int, str], dict[str, Any]]: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class CheckState:
    """The state of one check at one moment."""

    @property
    def name(self) -> str:
        """The name of the check."""
    @property
    def status(self) -> Status:
        """What is believed: the confirmed state, or unknown while pending, stale, or failing because of another."""
    @property
    def hard(self) -> Status:
        """The confirmed state of the check by itself."""
    @property
    def phase(self) -> str:
        """`pending` before the first result, `soft` while a change is being confirmed, else `hard`."""
    @property
    def summary(self) -> str:
        """One line: what the last run said."""
    @property
    def since(self) -> datetime:
        """Since when `status` holds, in UTC."""
    @property
    def flapping(self) -> bool:
        """Whether results change too often to be told one by one."""
    @property
    def stale(self) -> bool:
        """Whether the last result is too old to say anything."""
    @property
    def cause(self) -> str | None:
        """The check because of which this one fails."""
    @property
    def muted(self) -> str | None:
        """Why nobody is told: `cause`, `maintenance` or `paused`."""
    @property
    def tags(self) -> list[str]:
        """Words to select checks by."""
    @property
    def runs(self) -> int:
        """Runs so far."""
    @property
    def report(self) -> Report | None:
        """What the last run found; None before the first."""
    @property
    def duration(self) -> float | None:
        """How many seconds the last run took; None before the first."""
    @property
    def outcome(self) -> str | None:
        """How the last run ended: `done`, `failed`, `timed-out`, `panicked`, `stuck` or `late`."""

@final
class Snapshot:
    """The state of all checks at one moment, by name."""

    @property
    def status(self) -> Status:
        """The whole: the worst of all that are required."""
    @property
    def at(self) -> datetime:
        """When it was taken, in UTC."""
    @property
    def generation(self) -> int:
        """Grows with every change."""
    @property
    def checks(self) -> list[CheckState]:
        """All states, sorted by name."""
    def to_dict(self) -> dict[str, Any]:
        """All of it, as dictionaries and lists."""
    def to_health_json(self) -> str:
        """The document of `/health`, with what checks say."""
    def get(self, name: str) -> CheckState | None:
        """The state of one check; None when there is none of that name."""
    def __getitem__(self, name: str, /) -> CheckState: ...
    def __contains__(self, name: str, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...

@final
class Event:
    """Something that happened."""

    @property
    def sequence(self) -> int:
        """Counts up from 1 without gaps."""
    @property
    def at(self) -> datetime:
        """When, in UTC."""
    @property
    def kind(self) -> str:
        """What: `ran`, `changed`, `flapping`, `registered`, `paused`, and others."""
    @property
    def check(self) -> str | None:
        """Which check, if it is about one."""
    @property
    def data(self) -> dict[str, Any]:
        """All of it; a new dictionary."""

@final
class Operation(Generic[_T]):
    """Something that takes time. It is done once somebody waits for it."""

    @property
    def number(self) -> int:
        """Its number."""
    def wait(self, tell: Callable[[tuple[Any, ...]], object] | None = None) -> _T:
        """Waits until it is over, and returns what came of it. Ctrl-C ends it, as does an exception of `tell`."""
    def told(self) -> list[tuple[str, str, int | None, int | None]]:
        """Takes what has happened since this was asked last: what, of what, bytes that are there, the size."""
    def tell(self, sender: Sender) -> bool:
        """Says which loop is to be told when it is over. Returns whether it is already."""
    def result(self) -> _T:
        """What came of it; once."""
    def cancel(self) -> None:
        """Ends it. What it has done stays done."""

@final
class Run:
    """A call that Python is to make; to be answered by `done` or `failed`."""

    @property
    def number(self) -> int:
        """Its number."""
    @property
    def key(self) -> int:
        """Which function is to be called."""
    @property
    def question(self) -> tuple[str, dict[str, Any]] | None:
        """What is asked where it is no check: a method, and its arguments."""
    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for it any more."""
    def begin(self) -> bool:
        """Says that the function is called now. False when nobody waits for it any more, and it must not be."""
    def done(self, value: object) -> None:
        """The function has returned this."""
    def failed(self, kind: object, message: object, traceback: object) -> None:
        """The function has raised something: the name of its type, what it says, and where."""

@final
class LogReader:
    """The end of the log that Python reads from."""

    @staticmethod
    def open(level: int) -> LogReader:
        """Begins to log in this process, from this level on."""
    def fileno(self) -> int:
        """The descriptor to wait for."""
    def set_level(self, level: int) -> None:
        """Says from which level on lines are made."""
    def take(self) -> tuple[list[tuple[int, str, str]], int]:
        """Takes all lines: level, where, and text; and how many were lost."""

@final
class Reader:
    """The end of a mailbox that Python reads from."""

    def fileno(self) -> int:
        """The descriptor to wait for; one byte for each message."""
    def take(self) -> Run | None:
        """Takes one call."""
    def take_all(self) -> tuple[list[Run], list[int], list[int]]:
        """Takes everything: calls, the numbers of calls to cancel, and those of operations that have ended."""

@final
class Sender:
    """The end of a mailbox that the library writes to."""

    @staticmethod
    def open() -> tuple[Sender, Reader]:
        """A mailbox for an event loop."""

@final
class Subscription:
    """Whoever listens to what happens."""

    def next(self) -> Operation[Event | None]:
        """Waits for the next event; None when the monitor has stopped."""

@final
class Core:
    """A monitor."""

    def __new__(
        cls, threads: int, details: bool, hosts: list[str], listen: str | None, records: bool, supervises: bool
    ) -> Core:
        """A monitor that is not running."""
    def load(self, given: str | PathLike[str] | dict[str, Any], environment: str | None = None) -> str:
        """Takes a configuration: the path of a file, or what stands in one. Returns where its state folder would be."""
    def describe(self, name: str, options: dict[str, Any], of_host: bool) -> Operation[None] | None:
        """Adds a check that is described as in a file."""
    def register(
        self, name: str, options: dict[str, Any], key: int, on_loop: bool, of_host: bool
    ) -> Operation[None] | None:
        """Adds a check that is written in Python, in the place of one of the same name."""
    def remedy(self, name: str, risk: str, key: int) -> None:
        """Adds a remedy that is written in Python."""
    def policy(self, check: str, options: dict[str, Any]) -> None:
        """Says what is tried when a check fails."""
    def healing(self) -> dict[str, Any]:
        """What is broken, and what is being done about it."""
    def runs(
        self, check: str | None = None, since: float | None = None, until: float | None = None, limit: int = 1000
    ) -> Operation[list[tuple[str, datetime, Status, str, float, dict[str, float]]]]:
        """Recorded runs, the newest first."""
    def changes(
        self, check: str | None = None, since: float | None = None, until: float | None = None, limit: int = 1000
    ) -> Operation[list[tuple[str, datetime, Status, Status, str]]]:
        """Recorded changes of state, the newest first."""
    def approve(self, token: str, by: str) -> Operation[str]:
        """Approves a plan. Its result is for which check."""
    def heal(self, check: str | None, by: str) -> Operation[int]:
        """Begins ladders anew. Its result is of how many incidents."""
    def start(
        self,
        sender: Sender | None,
        watched: bool,
        state: str | PathLike[str] | None = None,
        keeper: tuple[str | PathLike[str], list[str]] | None = None,
    ) -> Reader:
        """Starts it in this process. Returns where threads find what they are to do."""
    def services(self) -> list[dict[str, Any]]:
        """How the services are."""
    def control(self, name: str, what: str) -> Operation[None]:
        """Starts, stops or restarts a service."""
    def is_running(self) -> bool:
        """Whether it runs in this process."""
    def listening(self) -> tuple[str, int, int | None] | None:
        """Where the endpoints are served: the address, its port, and the descriptor, which a fork has as well."""
    def bind(self, sender: Sender) -> None:
        """Says on which loop coroutines run from now on."""
    def stop(self, grace: float) -> Operation[list[str]]:
        """Stops it. Its result are the names of checks that could not be stopped."""
    def release(self) -> None:
        """Lets go of everything that runs, so that threads see the end."""
    def snapshot(self) -> Snapshot:
        """The state of all checks."""
    def check(self, name: str) -> CheckState:
        """The state of one check."""
    def run(self, name: str) -> Operation[CheckState]:
        """Runs a check now."""
    def remove(self, name: str) -> Operation[None] | None:
        """Takes a check out."""
    def pause(self, name: str, reason: str) -> Operation[None]:
        """Stops running a check for a while."""
    def resume(self, name: str) -> Operation[None]:
        """Runs a paused check again."""
    def subscribe(self) -> Subscription:
        """Listens from now on."""
    def stuck(self) -> list[str]:
        """The names of checks whose functions hold a thread that was written off."""
    def answer(
        self, path: str, tag: str | None = None, accept: str = "", host: str | None = None
    ) -> tuple[int, str, str, bytes]:
        """Answers a request: the status, type and caching of the answer, and its body."""

@final
class EnvironmentCore:
    """A virtual environment."""

    def __new__(cls, options: dict[str, Any]) -> EnvironmentCore:
        """Says which, and where things are."""
    def root(self) -> str:
        """Its folder, there or not, without links in its path."""
    def named(self) -> str:
        """How it was named."""
    def options(self) -> dict[str, Any]:
        """What it was made with."""
    def install(self, given: dict[str, Any]) -> Operation[dict[str, Any]]:
        """Brings it to what is wanted."""
    def uninstall(self, projects: list[str]) -> Operation[dict[str, Any]]:
        """Removes projects."""
    def lock(self, given: dict[str, Any]) -> Operation[dict[str, Any]]:
        """Chooses versions."""
    def verify(self, full: bool, imports: bool) -> Operation[dict[str, Any]]:
        """Compares it with what was installed."""
    def repair(self, full: bool, plan: bool) -> Operation[dict[str, Any]]:
        """Puts single files back."""
    def snapshot(self, label: str | None) -> Operation[dict[str, Any]]:
        """Keeps it as it is."""
    def snapshots(self) -> Operation[list[dict[str, Any]]]:
        """Its snapshots, the newest first."""
    def rollback(self, to: str, paths: list[str], projects: list[str], keep_edits: bool) -> Operation[dict[str, Any]]:
        """Brings it back."""
