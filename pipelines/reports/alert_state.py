"""What the last alert of a channel said, in `alerts.json` of its data folder."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.core.errors import ConfigError
from pipelines.state.store import Folder

log = logging.getLogger(__name__)
State = Literal["good", "attention", "failed", "stale"]


class FlowRecord(BaseModel):
    """`state` is that of the last push of the flow. `unavailable` of its last pushes ended with exit 5, one after the
    other. `conditions` are the keys of the channel file whose limit was exceeded."""

    model_config = ConfigDict(extra="ignore")

    state: State = "good"
    unavailable: int = 0
    conditions: tuple[str, ...] = ()


class AlertRecord(BaseModel):
    """`sent` is the state of the last message. `news` means that it does not have all rows that need attention.

    `good_at` is the start of the last push that ended with exit 0 or 3, or the first look at this channel (UTC).
    """

    model_config = ConfigDict(extra="ignore")

    good_at: datetime
    sent: State = "good"
    news: bool = False
    flows: dict[str, FlowRecord] = {}


class AlertFile:
    """The file of one channel. Errors of the disk are logged and not raised."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._path = folder.root / "alerts.json"

    @contextlib.contextmanager
    def locked(self, wait_s: float) -> Iterator[bool]:
        """Keeps other processes from sending the same message; False if another still has the lock after `wait_s`."""
        try:
            self._folder.make()
            lock = FileLock(self._folder.root / "alerts.lock", timeout=wait_s, mode=0o600, fallback_to_soft=False)
            lock.acquire()
        except Timeout:
            yield False
            return
        except (ConfigError, OSError) as error:
            log.warning("alerts cannot be recorded: %s", error)
            yield True  # a message too many is better than none
            return
        try:
            yield True
        finally:
            lock.release()

    def read(self) -> AlertRecord | None:
        """The record; None if there is none or it is damaged."""
        try:
            return AlertRecord.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValidationError):
            log.warning("file=%s is damaged and will be replaced", self._path)
        return None

    def write(self, record: AlertRecord) -> None:
        """Replaces the file in one step."""
        fresh = self._path.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)  # of a killed process
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(record.model_dump_json(indent=1))
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._path)
        except OSError as error:
            log.warning("file=%s cannot be written, so the next run may send the same alert: %s", self._path, error)
