"""What an earlier demonstration left in its folder: its history does not fit a sandbox that has just started."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pipelines.core.errors import ConfigError
from pipelines.sandbox.channel_file import TEMPLATE

_MADE = (
    "channel", "csv", "dlt", "report.html", "sandbox.log", "journal.jsonl", "schedule.json", "work.duckdb*",
    "analytics.*", "run.lock*", "alerts.*",
)  # fmt: skip


def remove_earlier(folder: Path) -> bool:
    """Removes the files of an earlier demonstration; whether there were any. Other files stay.

    Raises ConfigError if the folder has runs that no demonstration made, or if a file cannot be removed.
    """
    try:
        file = folder / "channel" / "demo.toml"
        is_ours = file.is_file() and file.read_text("utf-8", "replace").startswith(TEMPLATE.splitlines()[0])
        if not is_ours and (folder / "work.duckdb").exists():
            raise ConfigError(
                f"{folder} has runs of a channel named demo, which the demo did not make.",
                "Give the demo another folder, for example: centra-myogo demo --data demo-data",
            )
        for path in _made(folder) if is_ours else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder} cannot be removed: {error.strerror}.",
            "Check the owner and the rights of the folder, or give another one with --data (or CENTRA_MYOGO_DATA).",
        ) from error
    return is_ours


def _made(folder: Path) -> Iterator[Path]:
    """The files and folders, the channel file last: until then another attempt finds what is left."""
    for pattern in (*_MADE[1:], _MADE[0]):
        yield from sorted(folder.glob(pattern))
