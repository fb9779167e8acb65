"""The write-ahead journal: an intent is on disk before the call, its outcome soon after.

Writers share one database transaction: whoever waits while one is being written goes into the next, so the
journal's cost does not grow with the number of changes in flight.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.store import utc_now


@dataclass(frozen=True)
class _Entry:
    key: str
    action: str
    at: datetime
    outcome: str | None = None
    status: int | None = None
    message: str = ""


class Journal:
    """Used as a context manager by one push; `intend` and `conclude` may be called from any thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, run_id: str, flow: str) -> None:
        self._cursor = connection.cursor()
        self._run_id, self._flow = run_id, flow
        self._waiting: queue.SimpleQueue[tuple[_Entry, Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)

    def __enter__(self) -> Journal:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.put(None)
        self._thread.join()
        self._cursor.close()

    def intend(self, key: str, action: str) -> None:
        """Returns once the intent is committed. Raises what the database raised: then the call must not be made."""
        self._put(_Entry(key, action, utc_now())).result()

    def conclude(self, key: str, action: str, outcome: str, status: int | None, message: str) -> Future[None]:
        """Writes the outcome; the future is done when it is committed."""
        return self._put(_Entry(key, action, utc_now(), outcome, status, message[:1000]))

    def _put(self, entry: _Entry) -> Future[None]:
        done: Future[None] = Future()
        self._waiting.put((entry, done))
        return done

    def _write(self) -> None:
        last = False
        while not last:
            batch: list[tuple[_Entry, Future[None]]] = []
            item = self._waiting.get()
            while True:
                if item is None:
                    last = True
                else:
                    batch.append(item)
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    break
            if not batch:
                continue
            try:
                self._commit([entry for entry, _ in batch])
            except Exception as error:
                for _, done in batch:
                    done.set_exception(error)
            else:
                for _, done in batch:
                    done.set_result(None)

    def _commit(self, entries: list[_Entry]) -> None:
        intents = [e for e in entries if e.outcome is None]
        outcomes = [e for e in entries if e.outcome is not None]
        self._cursor.execute("begin")
        if outcomes:
            self._cursor.execute(
                "update sync.journal j set ended_at = o.at, outcome = o.outcome, status = o.status, "
                "message = o.message "
                "from (select unnest(?) as key, unnest(?) as action, unnest(?) as at, unnest(?) as outcome, "
                "unnest(?::integer[]) as status, unnest(?) as message) o "
                "where j.run_id = ? and j.flow = ? and j.key = o.key and j.action = o.action and j.outcome is null",
                [
                    [e.key for e in outcomes],
                    [e.action for e in outcomes],
                    [e.at for e in outcomes],
                    [e.outcome for e in outcomes],
                    [e.status for e in outcomes],
                    [e.message for e in outcomes],
                    self._run_id,
                    self._flow,
                ],
            )
        if intents:
            self._cursor.execute(
                "insert into sync.journal (run_id, flow, key, action, intended_at) "
                "select ?, ?, unnest(?), unnest(?), unnest(?)",
                [
                    self._run_id,
                    self._flow,
                    [e.key for e in intents],
                    [e.action for e in intents],
                    [e.at for e in intents],
                ],
            )
        self._cursor.execute("commit")
