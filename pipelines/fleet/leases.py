"""Who runs the channels of a database now, and who ran each of them last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipelines.core.errors import StateUnavailable
from pipelines.fleet.postgres import rows_of, state_address

ANSWER_S = 2.0  # somebody waits for the page
_LEASES = """
select channel, holder, generation, until > clock_timestamp() as is_held,
       case when isfinite(until) then until at time zone 'UTC' end as until,
       ended_at at time zone 'UTC' as ended_at
from centra_myogo_lease order by channel"""


@dataclass(frozen=True)
class ChannelLease:
    """The lease of a channel, times in UTC. `holder` has it until `until` if it `is_held`; otherwise the holder's was
    the last run, and `until` is there only if that never gave the lease back. `ended_at` is when a lease of the channel
    was given back last."""

    channel: str
    holder: str
    generation: int
    is_held: bool
    until: datetime | None
    ended_at: datetime | None


def leases(address: str) -> list[ChannelLease]:
    """The leases of all channels that have run with this database, by channel. Raises StateUnavailable and
    ConfigError."""
    database = state_address(address)

    def failure(reason: str) -> StateUnavailable:
        return StateUnavailable(f"The database of [state] ({database.place}): {reason}", "check tries it.")

    return [ChannelLease(**row) for row in rows_of(database, _LEASES, ANSWER_S, failure, "centra_myogo_lease")]
