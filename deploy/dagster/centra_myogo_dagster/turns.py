"""Which machine begins a run of a channel: its home, or another one when the home does not.

The product's lease is what keeps two machines from one channel. These rules only avoid starts that would end with
exit 6, and decide when another machine stands in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum


def machines_in_order(channel: str, machines: Sequence[str]) -> list[str]:
    """The channel's home first, then those that stand in. A machine more or less moves few channels."""
    return sorted(machines, key=lambda machine: hashlib.sha256(f"{channel} {machine}".encode()).digest())


@dataclass(frozen=True)
class EarlierRun:
    """The newest run that the engine has of a channel and schedule. It is `active` while it waits or is at work."""

    created_at: datetime
    is_active: bool


class Turn(Enum):
    """What a machine does at a time of the schedule."""

    START = "start"
    BUSY = "the run of an earlier time of this schedule waits or is at work"
    HOME = "the home machine of this channel starts its runs"


def turn(position: int, run: EarlierRun | None, now: datetime, interval: timedelta) -> Turn:
    """`position` of this machine in the channel's order, 0 for its home. `interval` is the time between this time of
    the schedule and the one before: a machine stands in once as many of them have passed without a run as it is
    positions away from the home. A schedule that never had a run begins on the home machine.
    """
    if run is not None and run.is_active:
        return Turn.BUSY
    if position == 0:
        return Turn.START
    return Turn.HOME if run is None or now - run.created_at < interval * (position + 0.5) else Turn.START
