"""The rate of the requests to one system: of this process, and of all processes that share its budget."""

from __future__ import annotations

from threading import Event

import pyrate_limiter

from pipelines.core.shared_rates import wait_for_shared_rate


class RequestRate:
    """At most `requests_per_second`, in this process and, with `[state]`, in all with the same `budget`."""

    def __init__(self, budget: str, requests_per_second: float) -> None:
        self._budget, self._per_second = budget, requests_per_second
        # A burst of a tenth of a second's requests; without it, inexact sleeps would lower the rate.
        self._burst = max(1, int(requests_per_second / 10))
        rate = pyrate_limiter.Rate(self._burst, max(1, round(1000 * self._burst / requests_per_second)))
        bucket = pyrate_limiter.StateBucket([rate], pyrate_limiter.GCRA())
        self._limiter = pyrate_limiter.Limiter(bucket, buffer_ms=0)

    def wait(self, closed: Event) -> None:
        """Returns when the next request may be sent, or soon after `closed` is set. Raises StateUnavailable if the
        database that keeps the shared rate does not answer."""
        wait_for_shared_rate(self._budget, self._per_second, self._burst, closed)
        self._limiter.try_acquire(self._budget)

    def close(self) -> None:
        self._limiter.close()  # ends its thread
