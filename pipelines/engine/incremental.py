"""Decides whether a run reads everything, or only the changes since the last successful run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.core.json_codec import encode
from pipelines.state.store import Store

if TYPE_CHECKING:
    from pipelines.config.channel import Channel

# Covers differences between clocks, the hour that repeats when summer time ends, and the delay until a list shows a
# change.
OVERLAP = timedelta(hours=2)
Sources = Mapping[str, Sequence[str]]  # by system


@dataclass(frozen=True)
class ReadMode:
    """What to read. `since` is the moment (UTC) from which changes are requested. It is None for a full read; `why` is
    then the reason."""

    since: datetime | None
    why: str = ""

    @property
    def kind(self) -> str:
        return "full" if self.since is None else "changes"


@dataclass(frozen=True)
class _Base:
    """A stage into which changes can be merged. `since` (UTC) is the moment from which they must be requested,
    `full_read_at` the start of the last full read."""

    since: datetime
    full_read_at: datetime


def choose_read_mode(store: Store, channel: Channel, sources: Sources, now: datetime, *, full_read: bool) -> ReadMode:
    """Changes, if the stage holds a recent full read of the same systems by a successful run (exit 0 or 3), and that
    read did not doubt a list of changes; else everything. `full_read` forces a full read.

    Changes are requested from the start of the last successful run but one, minus the overlap. Each change is thus
    requested twice, because a list can miss a row: it is no snapshot.
    """
    if full_read:
        return ReadMode(None, "requested with --full")
    if channel.refresh == "full":
        return ReadMode(None, 'this channel\'s refresh is "full"')
    base = _base(store, channel, sources, now)
    if isinstance(base, str):
        return ReadMode(None, base)
    if now - base.full_read_at >= timedelta(hours=channel.full_every):
        return ReadMode(None, f"the last full read is {channel.full_every:g} h old or more")
    if doubted := doubted_systems(store, channel, sources):
        titles = ", ".join(channel.title(name) for name in doubted)
        return ReadMode(None, f"the list of changes of {titles} left out what an earlier full read found")
    return ReadMode(base.since)


def changes_to_expect_since(store: Store, channel: Channel, sources: Sources, now: datetime) -> datetime | None:
    """The moment (UTC) since which the systems' lists of changes show what a full read of now finds changed. None if
    no earlier read can be compared with it."""
    base = None if channel.refresh == "full" else _base(store, channel, sources, now)
    return base.since if isinstance(base, _Base) else None


def _base(store: Store, channel: Channel, sources: Sources, now: datetime) -> _Base | str:
    """The base for changes, or the reason why there is none."""
    for name, references in sources.items():
        if any(reference != channel.system_declarations[name].catalogue for reference in references):
            return f"a source of {channel.title(name)} cannot list changes only"
    # In the order in which they were recorded, because a clock may have been set back.
    reads = _reads(store)
    full = next((number for number, read in enumerate(reads) if read[0] == "full"), None)
    if full is None:
        return "there was no full read yet"
    _, began_at, succeeded, systems = reads[full]
    if not succeeded:
        return "the last full read did not go through"
    if systems != _identity(channel, sources):
        return "the channel file or a secret names other systems than before"
    starts = [start for _, start, run_succeeded, _ in reads[: full + 1] if run_succeeded]
    if starts[0] > now:
        return "the clock was set back"
    return _Base(min(starts[:2]) - OVERLAP, began_at)


def doubted_systems(store: Store, channel: Channel, sources: Sources) -> dict[str, int]:
    """The systems whose list of changes the last full read of the same systems doubted, with the number of changed
    rows that the list left out."""
    rows = store.connection.execute(
        "select s.facts->'$.read.doubted' from sync.reads r join sync.runs s using (run_id) "
        "where r.kind = 'full' and r.systems = ? and (s.facts->'$.read.doubted') is not null "
        "order by r.rowid desc limit 1",
        [_identity(channel, sources)],
    ).fetchall()
    return dict(json.loads(rows[0][0])) if rows else {}


def record_read(store: Store, run_id: str, mode: ReadMode, channel: Channel, sources: Sources, now: datetime) -> None:
    """Records what the run is about to read. Must be called before a full read replaces anything: until that run has
    succeeded, no other run merges changes into the stage."""
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
    """Kind, start, whether the run succeeded, and the digest of its systems; the newest first."""
    return store.connection.execute(
        "select kind, began_at, coalesce(exit_code in (0, 3), false), systems "
        "from sync.reads r left join sync.runs using (run_id) order by r.rowid desc"
    ).fetchall()


def _identity(channel: Channel, sources: Sources) -> str:
    """A digest of the systems, their credentials and the fields that are kept. Its 32 bits do not reveal a secret."""
    parts = [reference for name in sorted(sources) for reference in sorted(sources[name])]
    for name in sorted(sources):
        system = channel.system_declarations[name]
        parts += system.identity(channel.systems[name])
        parts += [repr(spec) for table in system.mirror for spec in (*table.own_columns, *table.fields)]
    return hashlib.blake2s(encode(parts), digest_size=4).hexdigest()
