"""The native half of the package; import `stratheal` instead."""

from typing import Final

__all__ = ["__version__", "status_codes"]

__version__: Final[str]
"""The version of the library."""

def status_codes() -> dict[str, int]:
    """Returns the number of each status by its lowercase word.

    Returns:
        A new dictionary: `healthy` 0, `warning` 1, `critical` 2 and `unknown` 3.
    """
