"""Requests of a web application, counted."""

import threading
from collections import deque

from stratheal._stratheal import Metric, Report

KEPT = 2048
"""So many of the newest latencies are kept."""


class Requests:
    """Counts requests, errors and latencies; a check tells them."""

    def __init__(self) -> None:
        """Nothing was counted yet."""
        self._lock = threading.Lock()
        self._requests = self._errors = 0
        self._told = (0, 0)
        self._latencies: deque[float] = deque(maxlen=KEPT)

    def count(self, status: int, seconds: float) -> None:
        """Counts one request: its status, 500 for one that raised, and how long it took."""
        with self._lock:
            self._requests += 1
            self._errors += status >= 500
            self._latencies.append(seconds)

    def report(self) -> Report:
        """What was counted: `requests` and `errors` since the start, and since the last report the rate and latencies.

        Returns:
            A report with the metrics `requests`, `errors`, `error_rate` in percent, `latency_p50` and `latency_p99` in
            seconds; the last three are 0 when there was no request.
        """
        with self._lock:
            requests, errors = self._requests, self._errors
            before, self._told = self._told, (requests, errors)
            latencies = sorted(self._latencies)
            self._latencies.clear()
        new, failed = requests - before[0], errors - before[1]
        middle = latencies[len(latencies) // 2] if latencies else 0.0
        late = latencies[len(latencies) * 99 // 100] if latencies else 0.0
        summary = f"{new} requests, {failed} errors, p99 {late * 1e3:.1f} ms" if new else "no requests"
        # All of them always, so that a condition can be judged also when nobody asks.
        metrics = {
            "requests": Metric("requests", requests, "c"),
            "errors": Metric("errors", errors, "c"),
            "error_rate": Metric("error_rate", 100 * failed / new if new else 0, "%", min=0, max=100),
            "latency_p50": Metric("latency_p50", middle, "s", min=0),
            "latency_p99": Metric("latency_p99", late, "s", min=0),
        }
        return Report.healthy(summary, metrics=metrics)
