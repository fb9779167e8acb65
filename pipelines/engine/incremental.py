"""Whether a run reads everything or only what changed since the last run that went through."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from pipelines.config.channel import Channel
from pipelines.core.json_codec import encode
from pipelines.state.store import MIRRORED, Store

# More than clocks differ, than an hour that summer time takes back, and than a change takes to show in a list.
OVERLAP = timedelta(hours=2)
ROWS = ("centra.products", "centra.stock", "myogo.products", "myogo.stock")  # the lists that are asked for changes


@dataclass(frozen=True)
class ReadMode:
    """What to read. `since` (UTC) is the moment from which changes are asked for, None where everything is read;
    `why` says in words why it is everything."""

    since: datetime | None
    why: str = ""

    @property
    def kind(self) -> str:
        return "full" if self.since is None else "changes"


def choose_read_mode(
    store: Store, channel: Channel, sources: dict[str, str], now: datetime, *, whole: bool
) -> ReadMode:
    """Changes only where the stage stands on a full read that went through, of the same two systems, not long ago.

    The moment from which they are asked for is the beginning of the last run but one that went through (exit 0 or 3),
    less the overlap: a list is no snapshot, so each change is asked for twice. `whole` asks for everything this once.
    """
    if whole:
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
    if systems != _systems(channel, sources):
        return ReadMode(None, "the channel file or a secret names other systems than before")
    if now - began_at >= timedelta(hours=channel.full_every):
        return ReadMode(None, f"the last full read is {channel.full_every:g} h old or more")
    good = [began for _, began, through, _ in reads[: full + 1] if through]
    if good[0] > now:
        return ReadMode(None, "the clock was set back")
    return ReadMode(min(good[:2]) - OVERLAP)


def record_read(
    store: Store, run_id: str, refresh: ReadMode, channel: Channel, sources: dict[str, str], now: datetime
) -> None:
    """Writes down what the run is going to read. To be called before a full read replaces anything: until its run
    has gone through, no other run takes the stage for a base."""
    row = {
        "run_id": run_id,
        "kind": refresh.kind,
        "began_at": now,
        "since": refresh.since,
        "why": refresh.why,
        "systems": _systems(channel, sources),
    }
    store.append("sync.reads", pd.DataFrame([row]).astype({"since": "datetime64[us]"}))


def _reads(store: Store) -> list[tuple[Any, ...]]:
    """Kind, beginning, whether the run went through, and whose data it was; the newest first."""
    return store.connection.execute(
        "select kind, began_at, coalesce(exit_code in (0, 3), false), systems "
        "from sync.reads r left join sync.runs using (run_id) order by r.rowid desc"
    ).fetchall()


def _systems(channel: Channel, sources: dict[str, str]) -> str:
    """A short digest of all that says whose data it is and what is kept of it. Of 32 bits: it tells no secret."""
    centra, myogo = channel.systems.centra, channel.systems.myogo
    secrets = (centra.token, myogo.client_id, myogo.client_secret, myogo.merchant_id, myogo.secret_token)
    told = [
        centra.base_url,
        centra.timezone,
        myogo.base_url,
        *sorted(sources.values()),
        *(secret.reveal() for secret in secrets),
    ]
    told += [repr(field) for fields in MIRRORED.values() for field in fields]
    return hashlib.blake2s(encode(told), digest_size=4).hexdigest()


def describe_read(read: dict[str, Any]) -> str:
    """What was read, in words; "" for a run of the time before there was a choice."""
    if not read:
        return ""
    if read["kind"] == "full":
        return f"Everything was read: {read['why']}."
    sizes, stock, products, levels = (read["rows"][name] for name in ROWS)
    return (
        f"Only changes since {read['since']} UTC were read: {sizes:,} sizes and {stock:,} stock rows of Centra, "
        f"{products:,} products and {levels:,} stock rows of myOGO. Prices and stock may change without a trace, and "
        f"removals leave none: they show with the next full read."
    )
