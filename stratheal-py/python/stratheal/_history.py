"""Rows of what was recorded. Their types are in `_history.pyi`, because `typing` takes long to import."""

from collections import namedtuple

RunRow = namedtuple("RunRow", ["check", "at", "status", "outcome", "duration", "metrics"])
ChangeRow = namedtuple("ChangeRow", ["check", "at", "before", "after", "summary"])
