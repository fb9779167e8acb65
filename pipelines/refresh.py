"""Whether a run reads everything or only what changed since the last run that went through."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from pipelines.channel import Channel, Flow
from pipelines.clients.payload import encode
from pipelines.store import Store

# More than clocks differ, than an hour that summer time takes back, and than a change takes to show in a list.
OVERLAP = timedelta(hours=2)


@dataclass(frozen=True)
class Refresh:
    """What to read. `since` (UTC) is the moment from which changes are asked for, None where everything is read;
    `why` says in words why it is everything."""

    since: datetime | None
    why: str = ""

    @property
    def kind(self) -> str:
        return "full" if self.since is None else "changes"


def decide(store: Store, channel: Channel, flow: Flow, now: datetime, *, whole: bool) -> Refresh:
    """Changes only where the stage stands on a full read that went through, of the same two systems, not long ago.

    The moment from which they are asked for is the beginning of the last run that went through (exit 0 or 3), less
    the overlap: it moves only with such a run. `whole` asks for everything this once.
    """
    if whole:
        return Refresh(None, "asked for with --full")
    if channel.refresh == "full":
        return Refresh(None, 'the channel file says refresh = "full"')
    full = _rows(store, "where kind = 'full' order by began_at desc limit 1")
    if not full:
        return Refresh(None, "there was no full read yet")
    began_at, went_through, systems = full[0]
    if not went_through:
        return Refresh(None, "the last full read did not go through")
    if systems != _systems(channel, flow):
        return Refresh(None, "the channel file or a secret names other systems than before")
    if now - began_at >= timedelta(hours=channel.full_every):
        return Refresh(None, f"the last full read is {channel.full_every:g} h old or more")
    watermark: datetime = _rows(store, "where went_through order by began_at desc limit 1")[0][0]
    if watermark > now:
        return Refresh(None, "the clock was set back")
    return Refresh(watermark - OVERLAP)


def note(store: Store, run_id: str, refresh: Refresh, channel: Channel, flow: Flow, now: datetime) -> None:
    """Writes down what the run is going to read. To be called before a full read replaces anything: until its run
    has gone through, no other run takes the stage for a base."""
    row = {
        "run_id": run_id,
        "kind": refresh.kind,
        "began_at": now,
        "since": refresh.since,
        "why": refresh.why,
        "systems": _systems(channel, flow),
    }
    store.append("sync.reads", pd.DataFrame([row]).astype({"since": "datetime64[us]"}))


def _rows(store: Store, which: str) -> list[tuple[Any, ...]]:
    return store.connection.execute(
        "select began_at, went_through, systems from (select r.*, coalesce(exit_code in (0, 3), false) as went_through "
        f"from sync.reads r left join sync.runs using (run_id)) {which}"
    ).fetchall()


def _systems(channel: Channel, flow: Flow) -> str:
    """A short digest of all that says whose data it is. Of 32 bits, so that it tells nothing about a secret."""
    centra, myogo = channel.systems.centra, channel.systems.myogo
    secrets = (centra.token, myogo.client_id, myogo.client_secret, myogo.merchant_id, myogo.secret_token)
    told = [centra.base_url, centra.timezone, myogo.base_url, flow.extract, *(secret.reveal() for secret in secrets)]
    return hashlib.blake2s(encode(told), digest_size=4).hexdigest()


def told_of_refresh(read: dict[str, Any]) -> str:
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


ROWS = ("centra.products", "centra.stock", "myogo.products", "myogo.stock")
