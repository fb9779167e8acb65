"""The working files of a channel that runs on several machines: which generation they are of, and the restoring of a
snapshot. Files that it replaces are put aside, never deleted."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from pipelines.core.errors import StorageError
from pipelines.core.failpoints import hit
from pipelines.fleet.lease import Grant
from pipelines.state.storage_errors import storage_error_from
from pipelines.state.store import Folder

log = logging.getLogger(__name__)

MARKER = "generation.json"


def bring_up_to_date(folder: Folder, grant: Grant, now: datetime, get: Callable[[str, Path], None]) -> str:
    """Makes the folder that of the newest state, and marks it as of this generation. `get` fetches a snapshot.

    Returns what was done, as a sentence, or "". Raises StorageError and StateUnavailable.
    """
    try:
        said = ""
        if grant.snapshot is not None and not _is_newest(folder, grant):
            fresh = folder.root / "work.duckdb.restored"
            get(grant.snapshot, fresh)
            hit("fleet: fetched")
            aside = _put_aside(folder, now)
            _place(folder, fresh)
            said = f"The history was restored from the snapshot of run {grant.snapshot_generation} of this channel"
            said += f"; the older files are in {aside.name}." if aside else "."
        _mark(folder, grant.generation)
        hit("fleet: marked")
    except OSError as error:
        raise storage_error_from(error, folder.root) or StorageError(
            f"The files in {folder.root} cannot be replaced: {error}.", "Check the owner and the rights of the folder."
        ) from error
    return said


def prepend_lines(folder: Folder, lines: Sequence[bytes]) -> None:
    """Puts lines before those of the local journal, which knows more about the runs of this machine."""
    if not lines:
        return
    fresh = folder.journal.with_suffix(".new")
    local = folder.journal.read_bytes() if folder.journal.exists() else b""
    fresh.write_bytes(b"\n".join([*lines, local]))
    os.replace(fresh, folder.journal)


def _is_newest(folder: Folder, grant: Grant) -> bool:
    """Whether nobody has changed the channel's state since this folder was the one in use."""
    return folder.work.exists() and _generation(folder) in (grant.generation - 1, grant.snapshot_generation)


def _generation(folder: Folder) -> int | None:
    try:
        return int(json.loads((folder.root / MARKER).read_text("utf-8"))["generation"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mark(folder: Folder, generation: int) -> None:
    fresh = folder.root / f"{MARKER}.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump({"generation": generation}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, folder.root / MARKER)


def _put_aside(folder: Folder, now: datetime) -> Path | None:
    """Moves the files of an older state into a new folder. The mark goes first: without it, nothing is the newest."""
    files = [folder.root / MARKER, folder.work, Path(f"{folder.work}.wal"), folder.journal, folder.published]
    present = [file for file in files if file.exists()]
    if not any(file.name != MARKER for file in present):
        return None
    aside = folder.root / f"aside-{now:%Y%m%dT%H%M%S%f}"
    aside.mkdir(mode=0o700)
    for file in present:
        os.replace(file, aside / file.name)
    hit("fleet: put aside")
    return aside


def _place(folder: Folder, fresh: Path) -> None:
    """The snapshot becomes the working file and the published copy, which analysts can read during the run."""
    copy = folder.published.with_suffix(".new")
    copy.unlink(missing_ok=True)
    copy.write_bytes(b"")
    copy.chmod(0o600)
    with fresh.open("rb") as source, copy.open("wb") as target:
        while chunk := source.read(1 << 20):
            target.write(chunk)
    os.replace(copy, folder.published)
    os.replace(fresh, folder.work)
    hit("fleet: restored")
