"""How something is."""

import enum


class Status(enum.IntEnum):
    """How something is, in the four tiers of the Nagios plugin protocol.

    The numbers are the exit codes of that protocol. They are no ranking: whether `UNKNOWN` is worse than `WARNING`
    depends on who asks, so do not compare statuses with `<`.
    """

    HEALTHY = 0
    """Works as it should."""

    WARNING = 1
    """Works, but somebody should look at it."""

    CRITICAL = 2
    """Does not work."""

    UNKNOWN = 3
    """Could not be measured. Never counts as healthy."""

    @property
    def label(self) -> str:
        """The lowercase word that every report format uses."""
        return self.name.lower()
