"""The write-ahead journal: it records an intent before each call, and the outcome after it.

The journal is a file with one JSON line per event, because a database commit per event takes several times as long as
the call. The lines become rows of sync.journal when the push ends or, after a kill, when the next run begins. A killed
process loses no line. A power cut can lose the last lines, but the next run still repeats no write, because it makes
its plan from what the target holds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.core.errors import StorageError
from pipelines.core.failpoints import hit
from pipelines.core.json_codec import NotJson, decode, encode
from pipelines.state.shared_journal import SharedJournal
from pipelines.state.store import Store, utc_now

log = logging.getLogger(__name__)

OPEN = "the run ended before the answer came"
_KEY = ("run_id", "flow", "key", "action")
_COLUMNS = [*_KEY, "intended_at", "ended_at", "outcome", "status", "message", "reason", "held"]


class Journal:
    """The journal of one push, a context manager. Any thread may call its methods. What it records also goes to the
    journal that several machines share, if there is one."""

    def __init__(self, path: Path, run_id: str, flow: str, shared: SharedJournal | None = None) -> None:
        self._path, self._run_id, self._flow, self._shared = path, run_id, flow, shared

    def __enter__(self) -> Journal:
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def record_intent(self, key: str, action: str) -> None:
        """Writes the intent of a call. Raises CentraMyogoError; the call must then not be made."""
        self.record_intents([(key, action)])

    def record_intents(self, calls: Sequence[tuple[str, str]]) -> None:
        """Writes the intents (key and action) of one call."""
        run = {"run_id": self._run_id, "flow": self._flow}
        events = [{**run, "key": key, "action": action, "at": utc_now()} for key, action in calls]
        if self._shared:  # first, because a call that is recorded there alone would count as unknown, and not be lost
            self._shared.add_intents(self._run_id, [encode(event) for event in events])
        for event in events:
            self._write(event)

    def record_outcome(
        self,
        key: str,
        action: str,
        outcome: str,
        status: int | None,
        message: str,
        reason: str | None = None,
        held: str | None = None,
    ) -> None:
        """Writes the outcome of a call; a later line replaces an earlier one. Later runs act on `reason` (the engine's
        STALE_READ and the like, or None) and on `held` (a JSON object of the values that the target holds instead of
        those sent, or None)."""
        event = {
            "run_id": self._run_id,
            "flow": self._flow,
            "key": key,
            "action": action,
            "at": utc_now(),
            "outcome": outcome,
            "status": status,
            "message": message[:1000],
            "reason": reason,
            "held": held,
        }
        self._write(event)
        if self._shared:
            self._shared.add_outcome(self._run_id, encode(event))

    def _write(self, event: dict[str, Any]) -> None:
        # The leading newline separates the event from a line that a full disk has cut off.
        line = b"\n" + encode(event) + b"\n"
        hit(f"journal: before the {'outcome' if 'outcome' in event else 'intent'}")
        try:
            written = os.write(self._file, line)  # one append, so lines of several threads never mix
        except OSError as error:
            raise self._unwritable(error) from error
        if written != len(line):
            raise self._unwritable(OSError("only a part of a line was written; the disk is full"))
        hit(f"journal: after the {'outcome' if 'outcome' in event else 'intent'}")

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"The journal {self._path} cannot be written: {error.strerror or error}.",
            "No change is sent without a journal entry. Make room or correct the rights, and run again.",
        )


def load_into_store(path: Path, store: Store) -> None:
    """Loads the file's lines into sync.journal and removes the file. A repetition does no harm.

    A write without an outcome becomes `unknown` and ends now.
    """
    if not path.exists():
        return
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    unreadable = 0
    for line in path.read_bytes().split(b"\n"):
        try:
            if line:
                _apply_event(decode(line), rows)
        except (NotJson, KeyError, TypeError, ValueError):
            unreadable += 1  # cut off by a kill or a full disk; the call of a cut intent was never made
    if unreadable:
        log.warning("the journal has %d lines that cannot be read; their writes count as unknown", unreadable)
    if rows:
        frame = pd.DataFrame(list(rows.values()), columns=_COLUMNS).astype(
            {"status": "Int64", "intended_at": "datetime64[us]", "ended_at": "datetime64[us]"}
        )
        store.replace_runs("sync.journal", frame)
    hit("journal: loaded")
    path.unlink()
    hit("journal: removed")


def _apply_event(event: dict[str, Any], rows: dict[tuple[str, ...], dict[str, Any]]) -> None:
    """Adds the event of one line to `rows`. Raises if it is not an event of this journal."""
    at = datetime.fromisoformat(event["at"])
    key = tuple(str(event[name]) for name in _KEY)
    if "outcome" not in event:
        known = {"intended_at": at, "ended_at": utc_now(), "outcome": "unknown", "message": OPEN}
        rows[key] = dict(zip(_KEY, key, strict=True)) | known
    elif key in rows:
        rows[key] |= {
            "ended_at": at,
            **{name: event.get(name) for name in ("outcome", "status", "message", "reason", "held")},
        }
