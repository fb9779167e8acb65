"""A record that must be made once: looked up before, and after every answer that does not prove what became of it."""

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
# The server itself says that it failed. A gateway's 502 or 504 says nothing about the server behind it.
UNAVAILABLE = 503
NOT_SERVED = (500, UNAVAILABLE)


def create_once(
    config: SystemConfig,
    create: Callable[[], T],
    look_up: Callable[[], T | None],
    as_wanted: Callable[[T, CentraMyogoError], str],
    accepted: Callable[[T], str],
    found: str,
) -> str:
    """What is worth saying about the record that `create` made; to be called when a look-up has found none.

    Sent again only after an answer that proves that it was not served. `as_wanted` compares a record that is there
    although the target said no, `accepted` one that is ours; `found` is said where only a look-up knew. Raises like
    `systems.target.Target`.
    """
    tries = min(CREATE_TRIES, config.attempts)
    for attempt in range(1, tries + 1):
        try:
            return accepted(create())
        except (TargetRefused, WriteRedirected) as no:
            # It can also mean that an earlier, lost request did create it.
            held = look_up_or_lost(look_up, no)
            if held is None:
                raise
            return as_wanted(held, no)
        except TargetUnknown as unclear:
            held = look_up_or_lost(look_up, unclear)
            if held is not None:
                return accepted(held) or found
            patient = (unclear.wait_s or 0) <= MAX_WAIT_S
            if unclear.status not in NOT_SERVED or not patient or attempt == tries:
                # The request may still be on its way: repeating it could double it.
                raise unresolved(unclear, "It was not there when looked up right after.") from unclear
            time.sleep(max(config.backoff_s * attempt, unclear.wait_s or 0))
    raise AssertionError("unreachable: the last try returns or raises")


def look_up_or_lost(look_up: Callable[[], T | None], unclear: CentraMyogoError) -> T | None:
    """What `look_up` returns; raises TargetLost where the system cannot be asked."""
    try:
        return look_up()
    except (RemoteSystemError, ConfigError) as trouble:
        raise TargetLost(unclear, trouble) from trouble


def unresolved(unclear: TargetUnknown, detail: str) -> TargetUnknown | TargetUnavailable:
    """An unclear answer after the look-up found nothing done; 503 to the last try is an outage, and nothing else."""
    said = f"{unclear.message} {detail}"
    if unclear.status == UNAVAILABLE:
        return TargetUnavailable(said, "Safe to run again when the system answers.")
    return TargetUnknown(said, status=unclear.status)
