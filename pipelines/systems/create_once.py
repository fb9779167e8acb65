"""Creates a record exactly once. Every answer that does not prove the outcome is followed by a look-up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pipelines.core.errors import (
    CentraMyogoError,
    ConfigError,
    RemoteSystemError,
    TargetLost,
    TargetRefused,
    TargetUnavailable,
    TargetUnknown,
)
from pipelines.systems.http.failures import WriteRedirected
from pipelines.systems.http.settings import SystemConfig

T = TypeVar("T")
CREATE_TRIES = 3
MAX_WAIT_S = 120.0
# The server itself reports its failure. A gateway's 502 or 504 does not prove that the server behind it failed.
UNAVAILABLE = 503
NOT_SERVED = (500, UNAVAILABLE)


def create_once(
    config: SystemConfig,
    create: Callable[[], T],
    look_up: Callable[[], T | None],
    compare_existing: Callable[[T, CentraMyogoError], str],
    accepted: Callable[[T], str],
    found_message: str,
) -> str:
    """Calls `create` and returns a message about the new record, or "". Call it only after a look-up found no record.

    Sends the request again only after an answer proves that it was not served. If the target refuses the request but
    holds a record, `compare_existing` returns the message or raises; for our own record, `accepted` returns it.
    `found_message` is for a record that only the look-up proved. Raises like `systems.target.Target`.
    """
    tries = min(CREATE_TRIES, config.attempts)
    for attempt in range(1, tries + 1):
        try:
            return accepted(create())
        except (TargetRefused, WriteRedirected) as refusal:
            # An earlier request whose answer was lost may have created it.
            existing = look_up_or_lost(look_up, refusal)
            if existing is None:
                raise
            return compare_existing(existing, refusal)
        except TargetUnknown as unclear:
            existing = look_up_or_lost(look_up, unclear)
            if existing is not None:
                return accepted(existing) or found_message
            wait_is_acceptable = (unclear.wait_s or 0) <= MAX_WAIT_S
            if unclear.status not in NOT_SERVED or not wait_is_acceptable or attempt == tries:
                # The first request may still be served: a second one could create a duplicate.
                raise unresolved(unclear, "A look-up right after did not find it.") from unclear
            time.sleep(max(config.backoff_s * attempt, unclear.wait_s or 0))
    raise AssertionError("unreachable: the last try returns or raises")


def look_up_or_lost(look_up: Callable[[], T | None], unclear: CentraMyogoError) -> T | None:
    """The result of `look_up`. Raises TargetLost if the look-up fails."""
    try:
        return look_up()
    except (RemoteSystemError, ConfigError) as error:
        raise TargetLost(unclear, error) from error


def unresolved(unclear: TargetUnknown, detail: str) -> TargetUnknown | TargetUnavailable:
    """The error for an unclear answer when the look-up shows no effect. A 503 to the last try is an outage."""
    message = f"{unclear.message} {detail}"
    if unclear.status == UNAVAILABLE:
        return TargetUnavailable(message, "Safe to run again when the system answers.")
    return TargetUnknown(message, status=unclear.status)
