"""The write-ahead journal: an intent is on the disk before the call, its outcome right after it.

It is a file of one JSON line per event, because a database commit per event would cost several times the
call itself. The lines become rows of sync.journal when the push ends, or, after a kill, when the next run
begins. Whatever the process is killed by, what was written stays; only a power cut can take the last lines,
and even then nothing is done twice, since every plan is made from what the target holds.
"""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.core.errors import StorageError
from pipelines.core.failpoints import hit
from pipelines.core.json_codec import NotJson, decode, encode
from pipelines.state.store import Store, utc_now

log = logging.getLogger(__name__)

OPEN = "the run ended before the answer"
_KEY = ("run_id", "flow", "key", "action")
_COLUMNS = [*_KEY, "intended_at", "ended_at", "outcome", "status", "message", "reason"]


class Journal:
    """Used as a context manager by one push; `intend` and `conclude` may be called from any thread."""

    def __init__(self, path: Path, run_id: str, flow: str) -> None:
        self._path, self._run_id, self._flow = path, run_id, flow

    def __enter__(self) -> Journal:
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def record_intent(self, key: str, action: str) -> None:
        """Returns once the intent is written. Raises StorageError: then the call must not be made."""
        self._write({"run_id": self._run_id, "flow": self._flow, "key": key, "action": action, "at": utc_now()})

    def record_outcome(
        self, key: str, action: str, outcome: str, status: int | None, message: str, reason: str | None = None
    ) -> None:
        """Writes what became of the call; `reason` is a word that later runs act on."""
        self._write(
            {
                "run_id": self._run_id,
                "flow": self._flow,
                "key": key,
                "action": action,
                "at": utc_now(),
                "outcome": outcome,
                "status": status,
                "message": message[:1000],
                "reason": reason,
            }
        )

    def _write(self, event: dict[str, Any]) -> None:
        # It begins a line too: what a full disk cut off must not swallow the next one.
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
            "Nothing is sent that is not journalled first. Make room or correct the rights, and run again.",
        )


def load_into_store(path: Path, store: Store) -> None:
    """Turns the file's lines into rows of sync.journal and removes the file; doing it twice does no harm.

    A write without an outcome becomes `unknown`, and ends now.
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
            unreadable += 1  # what a kill or a full disk cut off: an intent's call was never made
    if unreadable:
        log.warning("the journal has %d lines that cannot be read; their writes count as unknown", unreadable)
    if rows:
        frame = pd.DataFrame(list(rows.values()), columns=_COLUMNS).astype(
            {"status": "Int64", "intended_at": "datetime64[us]", "ended_at": "datetime64[us]"}
        )
        store.replace_runs("sync.journal", frame)
    hit("journal: folded")
    path.unlink()
    hit("journal: gone")


def _apply_event(event: dict[str, Any], rows: dict[tuple[str, ...], dict[str, Any]]) -> None:
    """Adds what one line tells. Raises where it is no event of ours."""
    at = datetime.fromisoformat(event["at"])
    key = tuple(str(event[name]) for name in _KEY)
    if "outcome" not in event:
        known = {"intended_at": at, "ended_at": utc_now(), "outcome": "unknown", "message": OPEN}
        rows[key] = dict(zip(_KEY, key, strict=True)) | known
    elif key in rows:
        rows[key] |= {"ended_at": at, **{name: event.get(name) for name in ("outcome", "status", "message", "reason")}}
