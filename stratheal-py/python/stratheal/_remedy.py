"""Remedies: what makes a failing thing work again."""

from __future__ import annotations

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than everything else here."""

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


class Step:
    """One step of a plan.

    Attributes:
        name: By which the remedy knows it.
        summary: What it does, for people.
        undoable: Whether it can be taken back.
    """

    def __init__(self, name: str, summary: str, *, undoable: bool = False) -> None:
        """A step."""
        self.name = name
        self.summary = summary
        self.undoable = undoable

    def __repr__(self) -> str:
        """Its name, and what it does."""
        return f"Step({self.name!r}, {self.summary!r}, undoable={self.undoable})"


class Plan:
    """What would be done: every target, and every step.

    Attributes:
        summary: All of it in a sentence.
        steps: What is done, in this order.
        targets: What it is done to, as pairs such as `("queue", "mail")`. None means nothing, never everything.
        resources: Names of what nobody else may work on meanwhile.
    """

    def __init__(
        self,
        summary: str,
        *,
        steps: Sequence[Step],
        targets: Sequence[tuple[str, str]],
        resources: Sequence[str] = (),
    ) -> None:
        """A plan."""
        self.summary = summary
        self.steps = list(steps)
        self.targets = list(targets)
        self.resources = list(resources)

    def __repr__(self) -> str:
        """What it says, and how many steps it has."""
        return f"<Plan {self.summary}: {len(self.steps)} steps>"


class Remedy:
    """A remedy: a class to derive from.

    It never vouches for itself: whether it helped is decided by running the failing check again, and what did not help
    is taken back. Its methods run on a thread, and may wait.
    """

    def plan(self, check: str, summary: str) -> Plan | None:
        """Says what would be done, without doing any of it.

        Args:
            check: The check that fails.
            summary: What it says.

        Returns:
            The plan, or None when this remedy does not apply.
        """
        raise NotImplementedError

    def step(self, name: str, receipts: Mapping[str, Any]) -> str | dict[str, Any] | None:
        """Carries out one step. It has to survive being carried out twice: after a crash nobody knows how far it was.

        Args:
            name: Which step.
            receipts: What the steps before have returned, by name: `summary` and `data`.

        Returns:
            What was done, for people, or data that undoing it needs.
        """
        raise NotImplementedError

    def probe(self, name: str, receipts: Mapping[str, Any]) -> bool | None:
        """Looks from outside whether a step is done; asked after a crash, and after taking it back.

        Returns:
            Whether it is; None when that cannot be told.
        """
        return None

    def undo(self, name: str, receipts: Mapping[str, Any]) -> None:
        """Takes back a step that its plan says can be."""
        raise NotImplementedError


class FunctionRemedy(Remedy):
    """A remedy of one step: calling a function."""

    def __init__(self, name: str, function: Callable[[], object]) -> None:
        """A remedy that calls this function."""
        self._name = name
        self._function = function

    def plan(self, check: str, summary: str) -> Plan:
        """The one step there is."""
        return Plan(self._name, steps=[Step("call", f"call {self._name}")], targets=[("check", check)])

    def step(self, name: str, receipts: Mapping[str, Any]) -> str | dict[str, Any] | None:
        """Calls it."""
        told = self._function()
        return told if isinstance(told, str) else None


def answer(remedy: Remedy, method: str, arguments: Mapping[str, Any]) -> object:
    """Asks a remedy something, and returns what the library understands."""
    if method == "plan":
        plan = remedy.plan(arguments["check"], arguments["summary"])
        if plan is None:
            return None
        return {
            "summary": plan.summary,
            "targets": [{"kind": kind, "name": name} for kind, name in plan.targets],
            "steps": [{"name": step.name, "summary": step.summary, "undoable": step.undoable} for step in plan.steps],
            "resources": plan.resources,
        }
    ask: Callable[[str, Mapping[str, Any]], object] = getattr(remedy, method)
    return ask(arguments["step"], arguments["receipts"])


def remedy_of(name: str, healer: object) -> Remedy:
    """The remedy that a class or a function of an application is.

    Raises:
        TypeError: When it is neither.
    """
    import inspect  # It takes long to import, and not everybody has a remedy.

    made = healer() if isinstance(healer, type) and issubclass(healer, Remedy) else healer
    if isinstance(made, Remedy):
        return made
    is_function = hasattr(made, "__call__") and not isinstance(made, type)  # noqa: B004
    if not is_function or inspect.iscoroutinefunction(made):
        raise TypeError(f"the remedy `{name}` has to be a class that derives from Remedy, or a plain function")
    function: Any = made
    return FunctionRemedy(name, function)
