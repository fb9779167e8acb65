"""The project folder: where channel files, secrets and working files belong, wherever a command is started."""

from __future__ import annotations

import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pipelines.config.suggestion import suggestion
from pipelines.core.errors import ConfigError

log = logging.getLogger(__name__)

BUILT_IN_CHANNELS = Path(__file__).parents[1] / "channels"
CHANNELS_VARIABLE = "CENTRA_MYOGO_CHANNELS"
PROJECT_VARIABLE = "CENTRA_MYOGO_PROJECT"
DATA_VARIABLE = "CENTRA_MYOGO_DATA"


@dataclass(frozen=True)
class Project:
    """`folder` holds `channels/*.toml`, `.env` and `data/`."""

    folder: Path

    @classmethod
    def current(cls) -> Project:
        """The folder that CENTRA_MYOGO_PROJECT names (`--project` sets it); else the nearest folder upward from the
        current one that holds `channels/`; else the current one. Raises ConfigError."""
        if named := os.environ.get(PROJECT_VARIABLE):
            folder = Path(named)
            if not folder.is_dir():
                raise ConfigError(f"There is no project folder {folder}.", f"Check --project (or {PROJECT_VARIABLE}).")
            return cls(folder)
        here = Path.cwd()
        return cls(next((folder for folder in (here, *here.parents) if (folder / "channels").is_dir()), here))

    @property
    def channels(self) -> Path:
        return self.folder / "channels"

    def data(self, option: Path | None = None) -> Path:
        """The folder for working files: `--data`, else CENTRA_MYOGO_DATA, else `data` in the project folder."""
        if option is not None:
            return option
        if named := os.environ.get(DATA_VARIABLE):
            return Path(named)
        return Path("data") if self.folder == Path.cwd() else self.folder / "data"

    def load_environment(self) -> None:
        """Sets the variables of the project's `.env` that are not set yet. Warns if others may read the file."""
        from dotenv import load_dotenv

        file = self.folder / ".env"
        if load_dotenv(file) and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            log.warning("other users may read the secrets in %s; to prevent it: chmod 600 %s", file, file)

    def find(self, channel: str) -> Path:
        """The file of CHANNEL: a path to a TOML file, or the name of a file in the folder that CENTRA_MYOGO_CHANNELS
        names, in the project's `channels/` or among the built-in ones. Raises ConfigError."""
        if channel.endswith(".toml") or os.sep in channel:
            path = Path(channel)
            if not path.is_file():
                raise ConfigError(
                    f"There is no channel file {path} in {Path.cwd()}."
                    if not path.is_absolute()
                    else f"There is no channel file {path}.",
                    f"Check the path{self._name_hint(path)}.",
                )
            return path
        folders = self._channel_folders()
        for folder in folders:
            if (path := folder / f"{channel}.toml").is_file():
                return path
        names = sorted({file.stem for folder in folders for file in folder.glob("*.toml")})
        raise ConfigError(
            f"There is no channel {channel!r}: looked for {channel}.toml in "
            + " and ".join(str(folder) for folder in folders)
            + f"{suggestion(channel, names) if names else ''}",
            f"Give a channel's name or a path to its file. {CHANNELS_VARIABLE} can name an additional folder.",
        )

    def channel_files(self) -> list[Path]:
        """The project's own channel files, by name."""
        return sorted(self.channels.glob("*.toml"))

    def _channel_folders(self) -> list[Path]:
        extra = os.environ.get(CHANNELS_VARIABLE)
        own = [self.channels] if self.channels.is_dir() else []
        return [*([Path(extra)] if extra else []), *own, BUILT_IN_CHANNELS]

    def _name_hint(self, path: Path) -> str:
        known = any((folder / path.name).is_file() for folder in self._channel_folders())
        return f", or give the name of the channel: {path.stem}" if known else ""
