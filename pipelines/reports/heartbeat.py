"""Pings a monitoring service such as healthchecks.io when a push starts, and when it ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import closing

from pipelines.config.alerts import heartbeat_address, place_of
from pipelines.core.background import start_in_background
from pipelines.core.errors import ChannelBusy, ConfigError
from pipelines.core.secret import Secret
from pipelines.state.run_result import RunResult
from pipelines.systems.http.hardened_session import hardened_session

log = logging.getLogger(__name__)
LONGEST_S = 10.0
CONNECT_S = 5.0
_COUNTS = ("read", "withheld", "withheld_new", "create", "update", "applied", "refused", "unknown", "not_attempted")


class Heartbeat:
    """The pings of one push, each in a thread. No method raises: a failed ping is one log warning."""

    def __init__(self, secret: Secret) -> None:
        self._place = place_of(secret)
        self._warned = False
        self._warning = threading.Lock()
        self._address = ""
        self._started: Future[None] | None = None
        self._started_at = 0.0
        self._ended: Future[None] | None = None
        self._ended_at = 0.0
        try:
            self._address = heartbeat_address(secret)
        except ConfigError as error:
            log.warning("no heartbeat is sent: %s %s", error.message, error.fix)

    def start(self) -> None:
        """Pings `/start`; does not wait for the answer."""
        if self._address:
            self._started_at = time.monotonic()
            self._started = start_in_background(lambda: self._ping("GET", "/start", ""))

    def end(self, run: RunResult) -> None:
        """Pings the address itself after exit 0 or 3, `/fail` after any other, with the counts of the run. Nothing
        after exit 6: the run that holds the lock has its own ping. Does not wait for the answer."""
        if self._address and run.exit_code != ChannelBusy.exit_code:
            self._ended_at = time.monotonic()
            ending = "" if run.exit_code in (0, 3) else "/fail"
            self._ended = start_in_background(self._after_start(ending, counts_of(run)))

    def wait(self) -> None:
        """Waits until the last ping is answered, or LONGEST_S are over."""
        if self._ended is not None:
            left = self._ended_at + LONGEST_S - time.monotonic()
            if not wait([self._ended], max(left, 0.0)).done:
                self._warn(f"did not answer within {LONGEST_S:g} s")

    def _after_start(self, ending: str, body: str) -> Callable[[], None]:
        """The last ping, which must not arrive before the first."""

        def ping() -> None:
            if self._started is not None:
                wait([self._started], max(self._started_at + LONGEST_S - time.monotonic(), 0.0))
            self._ping("POST", ending, body)

        return ping

    def _ping(self, method: str, ending: str, body: str) -> None:
        try:
            with (
                closing(hardened_session(self._address, 1)) as session,
                session.request(
                    method,
                    self._address + ending,
                    data=body.encode(),
                    headers={"Content-Type": "text/plain; charset=utf-8"} if body else {},
                    timeout=(CONNECT_S, LONGEST_S),
                    stream=True,  # the answer's body is not needed
                ) as answer,
            ):
                if not 200 <= answer.status_code < 300:  # a redirect is not followed
                    self._warn(f"answered HTTP {answer.status_code}")
        except Exception as error:  # its text has the address
            self._warn(f"did not answer: {type(error).__name__}")

    def _warn(self, what: str) -> None:
        """One warning for all pings of a push."""
        with self._warning:
            if not self._warned:
                self._warned = True
                log.warning("the heartbeat address in %s %s", self._place, what)


def counts_of(run: RunResult) -> str:
    """How the run ended, and the counts of each flow."""
    lines = [f"exit {run.exit_code} {run.outcome} run {run.run_id or 'not recorded'}"]
    lines += [f"{flow}: {' '.join(f'{name}={counts[name]}' for name in _COUNTS)}" for flow, counts in run.flows.items()]
    return "\n".join(lines) + "\n"
