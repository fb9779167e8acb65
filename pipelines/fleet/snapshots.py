"""Snapshots of the working file in an object store: a folder, or a bucket."""

from __future__ import annotations

import logging
import os
import uuid
from pathlib import Path
from typing import Any

from pipelines.core.errors import ConfigError, StateUnavailable
from pipelines.fleet.postgres import INSTALL

log = logging.getLogger(__name__)

_FIX = "Nothing is lost. Check the object store of [state] and the rights to it, and run again; check tries it."


class Snapshots:
    """The snapshots of one channel below `address` (file:///FOLDER or s3://BUCKET/PREFIX). `keep` is how many stay.

    Methods and the constructor raise StateUnavailable, the constructor also ConfigError. The credentials and the
    endpoint of S3 come from the environment: AWS_ACCESS_KEY_ID and so on.
    """

    def __init__(self, address: str, channel: str, keep: int) -> None:
        try:
            import obstore
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ImportError as error:
            raise ConfigError("[state] needs the package obstore, which is not installed.", INSTALL) from error
        self._obstore, self._errors = obstore, (BaseError, OSError)
        self._address, self._channel, self._keep = address, channel, keep
        folder = Path(address.removeprefix("file://"))
        if address.startswith("file://") and not folder.is_dir():
            raise StateUnavailable(
                f"The object store of [state] ({address}): there is no folder {folder}.",
                "Create it, or mount the disk that all machines of the channel share, and run again.",
            )
        try:
            self._store: Any = from_url(address)
        except (BaseError, OSError, ValueError) as error:
            raise ConfigError(
                f"state.snapshots: {address} cannot be used: {str(error).splitlines()[0]}",
                'Write "file:///FOLDER" for a folder that all machines share, or "s3://BUCKET/PREFIX".',
            ) from error

    def put(self, file: Path, generation: int) -> str:
        """Stores the file; returns the name of the object. It is the channel's state only once the lease names it."""
        name = f"{self._channel}/{generation:012d}-{uuid.uuid4().hex[:12]}"
        try:
            with file.open("rb") as opened:
                self._obstore.put(self._store, name, opened)
        except self._errors as error:
            raise self._unavailable(f"{name} could not be stored", error) from error
        return name

    def get(self, name: str, file: Path) -> None:
        """Writes the object to the new file, complete or not at all."""
        fresh = file.with_name(f"{file.name}.part")
        fresh.unlink(missing_ok=True)
        try:
            answer = self._obstore.get(self._store, name)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
                for chunk in answer.stream(min_chunk_size=1 << 20):
                    opened.write(chunk)
                opened.flush()
                os.fsync(opened.fileno())
            if fresh.stat().st_size != answer.meta["size"]:
                raise OSError("only a part of it came")
            os.replace(fresh, file)
        except self._errors as error:
            raise self._unavailable(f"{name} could not be read", error) from error
        finally:
            fresh.unlink(missing_ok=True)

    def delete_old(self, newest: int) -> None:
        """Deletes all but the newest snapshots up to the generation `newest`. Later ones are another machine's."""
        try:
            names = [one["path"] for page in self._obstore.list(self._store, f"{self._channel}/") for one in page]
            up_to = sorted((name for name in names if _generation(name) <= newest), key=_generation, reverse=True)
            for name in up_to[self._keep :]:
                self._obstore.delete(self._store, name)
        except self._errors as error:
            log.warning("old snapshots of %s could not be deleted: %s", self._channel, str(error).splitlines()[0])

    def delete(self, name: str) -> None:
        """Deletes an object that did not become the channel's state, if that is possible now."""
        try:
            self._obstore.delete(self._store, name)
        except self._errors as error:
            log.warning("the snapshot %s could not be deleted: %s", name, str(error).splitlines()[0])

    def try_out(self) -> str:
        """Lists the channel's snapshots, and says where and how many."""
        try:
            count = sum(len(page) for page in self._obstore.list(self._store, f"{self._channel}/"))
        except self._errors as error:
            raise self._unavailable("its objects could not be listed", error) from error
        return f"{self._address} ({count} snapshots)"

    def _unavailable(self, what: str, error: Exception) -> StateUnavailable:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return StateUnavailable(f"The object store of [state] ({self._address}): {what}: {reason[:300]}", _FIX)


def _generation(name: str) -> int:
    """The generation in the name of a snapshot; above all others for any other object, which is not ours."""
    number = name.rpartition("/")[2].partition("-")[0]
    return int(number) if number.isdigit() else 1 << 62
