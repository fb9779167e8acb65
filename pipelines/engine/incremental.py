"""Whether a run reads everything or only what changed since the last run that went through."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from pipelines.config.channel import Channel
from pipelines.core.json_codec import encode
from pipelines.state.store import Store

# More than clocks differ, than an hour that summer time takes back, and than a change takes to show in a list.
OVERLAP = timedelta(hours=2)
Sources = Mapping[str, Sequence[str]]  # by system


@dataclass(frozen=True)
class ReadMode:
    """What to read. `since` (UTC) is the moment from which changes are asked for, None where everything is read;
    `why` says why it is everything."""

    since: datetime | None
    why: str = ""

    @property
    def kind(self) -> str:
        return "full" if self.since is None else "changes"


def choose_read_mode(store: Store, channel: Channel, sources: Sources, now: datetime, *, full_read: bool) -> ReadMode:
    """Changes only where the stage holds a full read that went through, of the same systems, not long ago.

    The moment from which they are asked for is the beginning of the last run but one that went through (exit 0 or 3),
    less the overlap: a list is no snapshot, so each change is asked for twice. `full_read` asks for everything.
    """
    if full_read:
        return ReadMode(None, "asked for with --full")
    if channel.refresh == "full":
        return ReadMode(None, 'this channel\'s refresh is "full"')
    # Newest first by when they were written, not by a clock that may have been set.
    reads = _reads(store)
    full = next((number for number, read in enumerate(reads) if read[0] == "full"), None)
    if full is None:
        return ReadMode(None, "there was no full read yet")
    _, began_at, went_through, systems = reads[full]
    if not went_through:
        return ReadMode(None, "the last full read did not go through")
    if systems != _identity(channel, sources):
        return ReadMode(None, "the channel file or a secret names other systems than before")
    if now - began_at >= timedelta(hours=channel.full_every):
        return ReadMode(None, f"the last full read is {channel.full_every:g} h old or more")
    good = [began for _, began, through, _ in reads[: full + 1] if through]
    if good[0] > now:
        return ReadMode(None, "the clock was set back")
    return ReadMode(min(good[:2]) - OVERLAP)


def record_read(store: Store, run_id: str, mode: ReadMode, channel: Channel, sources: Sources, now: datetime) -> None:
    """Writes down what the run is going to read. To be called before a full read replaces anything: until its run
    has gone through, no other run merges changes into the stage."""
    row = {
        "run_id": run_id,
        "kind": mode.kind,
        "began_at": now,
        "since": mode.since,
        "why": mode.why,
        "systems": _identity(channel, sources),
    }
    store.append("sync.reads", pd.DataFrame([row]).astype({"since": "datetime64[us]"}))


def _reads(store: Store) -> list[tuple[Any, ...]]:
    """Kind, beginning, whether the run went through, and whose data it was; the newest first."""
    return store.connection.execute(
        "select kind, began_at, coalesce(exit_code in (0, 3), false), systems "
        "from sync.reads r left join sync.runs using (run_id) order by r.rowid desc"
    ).fetchall()


def _identity(channel: Channel, sources: Sources) -> str:
    """A short digest of all that says whose data it is and what is kept of it. Of 32 bits: it gives no secret away."""
    parts = [reference for name in sorted(sources) for reference in sorted(sources[name])]
    for name in sorted(sources):
        system = channel.system_declarations[name]
        parts += system.identity(channel.systems[name])
        parts += [repr(spec) for table in system.mirror for spec in table.fields]
    return hashlib.blake2s(encode(parts), digest_size=4).hexdigest()
