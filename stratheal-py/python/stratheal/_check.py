"""Checks as classes."""

from __future__ import annotations

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to import than everything else here."""

if TYPE_CHECKING:
    from typing import ClassVar


class Check:
    """A check with a state of its own: a class to derive from.

    Attributes:
        name: Its name.
        options: Its options, as `Monitor.check` takes them.

    Example:
        >>> class QueueDepth(Check):
        ...     options = {"interval": "10s", "warn_if": "> 100"}
        ...     def check(self) -> float:
        ...         return 12.0
        >>> QueueDepth("queue").name
        'queue'
    """

    options: ClassVar[dict[str, object]] = {}

    def __init__(self, name: str) -> None:
        """A check of this name."""
        self.name = name

    def check(self) -> object:
        """Measures once; may be an `async def`.

        Returns:
            A number, a bool, a `Report`, or None when all is well.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        """Its class and name."""
        return f"<{type(self).__name__} {self.name}>"
