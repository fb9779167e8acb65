"""The values that earlier pushes have written, from sync.changes and sync.journal."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from pipelines.core.json_codec import decode_exact
from pipelines.state.store import Store

_APPLIED = """
    select c.key, c.after, j.held, j.ended_at
    from sync.changes c join sync.journal j using (run_id, flow, key, action)
    where c.flow = $flow and j.outcome = 'applied' and c.key in (select key from {keys})
    order by c.run_id"""


class WrittenValue(NamedTuple):
    """`sent` is the value of the last applied write (UTC), `held` what the target held right after it."""

    sent: Any
    held: Any
    at: datetime


def written_values(store: Store, flow: str, keys: pd.Series) -> dict[tuple[str, str], WrittenValue]:
    """The newest written value of each key and column; numbers are exact. Fields that retention has dropped from the
    history are missing."""
    with store.keys(keys) as wanted:
        rows = store.connection.execute(_APPLIED.format(keys=wanted), {"flow": flow}).fetchall()
    values: dict[tuple[str, str], WrittenValue] = {}
    for key, after, held, at in rows:
        sent = decode_exact(after.encode())
        kept = sent | decode_exact((held or "{}").encode())
        values |= {(key, column): WrittenValue(value, kept[column], at) for column, value in sent.items()}
    return values
