"""The history of one code."""

from __future__ import annotations

import contextlib

from pipelines.core.errors import ConfigError
from pipelines.reports.formatting import clean
from pipelines.reports.query import has
from pipelines.state.store import Folder, published


def history(folder: Folder, code: str) -> list[str]:
    """One line per event of the code, oldest first. Raises ConfigError if the channel has no run yet."""
    with contextlib.closing(published(folder)) as db:
        if not has(db, "main.v_history"):
            raise ConfigError("This channel has not read both sides yet.", "Run plan or push first.")
        rows = db.execute(
            "select happened_at, run_id, verb, event, coalesce(detail, '') from v_history where code = ? "
            "order by happened_at, event",
            [code],
        ).fetchall()
    if not rows:
        return [f"No run has planned, written or withheld anything for {code!r}."]
    return [clean(f"{at:%Y-%m-%d %H:%M:%S} {verb:5} {run}  {event}  {detail}") for at, run, verb, event, detail in rows]
