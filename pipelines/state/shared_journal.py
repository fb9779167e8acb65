"""What a run records outside of its folder, so that the next run has it even on another machine."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Protocol

from pipelines.state.store import Store

SHARED_TABLES = ("runs", "flows", "changes")  # of `sync`: all that says what a run has done, besides the journal


class SharedJournal(Protocol):
    """The journal of a channel that runs on several machines. Its methods raise CentraMyogoError."""

    def add_intents(self, run_id: str, lines: Sequence[bytes]) -> None:
        """Stores lines of the journal. If it raises, their calls must not be made."""

    def add_outcome(self, run_id: str, line: bytes) -> None:
        """Stores a line of the journal, also after another machine has taken the channel over."""

    def add_rows(self, run_id: str, table: str, rows: bytes) -> None:
        """Stores rows of `sync.<table>` as Parquet; later ones replace earlier ones of the same run and table."""

    def earlier_rows(self) -> Iterable[tuple[str, str, bytes]]:
        """The stored rows of runs that the restored files may lack: run id, table and Parquet, oldest first."""


def share_rows(journal: SharedJournal | None, store: Store, run_id: str, *tables: str) -> None:
    """Adds the run's rows of these tables of `sync` to the shared journal."""
    if journal is None:
        return
    import pyarrow.parquet as pq  # only here: most channels belong to one machine

    for table in tables:
        rows = store.connection.sql(f"select * from sync.{table} where run_id = ?", params=[run_id]).to_arrow_table()
        parquet = io.BytesIO()
        pq.write_table(rows, parquet, compression="zstd")
        journal.add_rows(run_id, table, parquet.getvalue())


def load_earlier_rows(journal: SharedJournal, store: Store) -> None:
    """Adds what other machines have recorded about runs of which this file does not have the end. A repetition does no
    harm."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    ended = {run_id for (run_id,) in store.connection.execute(
        "select run_id from sync.runs where ended_at is not null").fetchall()}  # fmt: skip
    rows_of = ((run_id, table, rows) for run_id, table, rows in journal.earlier_rows() if table in SHARED_TABLES)
    newest = {(run_id, table): rows for run_id, table, rows in rows_of if run_id not in ended}
    for (run_id, table), parquet in newest.items():
        rows = pq.read_table(pa.BufferReader(parquet))
        with store.transaction(f"shared rows of {table}"):
            store.connection.execute(f"delete from sync.{table} where run_id = ?", [run_id])
            store.connection.register("shared_rows", rows)
            store.connection.execute(f"insert into sync.{table} by name select * from shared_rows")
            store.connection.unregister("shared_rows")
