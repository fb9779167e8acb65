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
EXAMPLE = "example"  # a file to copy, not a channel
CHANNELS_VARIABLE = "CENTRA_MYOGO_CHANNELS"
PROJECT_VARIABLE = "CENTRA_MYOGO_PROJECT"
DATA_VARIABLE = "CENTRA_MYOGO_DATA"
WAREHOUSE_VARIABLE = "CENTRA_MYOGO_WAREHOUSE"  # the address of the data warehouse (`fleet/data_warehouse.py`)


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
            if not _is_dir(folder):
                raise ConfigError(f"There is no project folder {folder}.", f"Check --project (or {PROJECT_VARIABLE}).")
            return cls(folder)
        here = Path.cwd()
        return cls(next((folder for folder in (here, *here.parents) if _is_dir(folder / "channels")), here))

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
        """Sets the variables of the project's `.env` that are not set yet. Warns if others may read the file.

        Raises ConfigError if it cannot be read.
        """
        from dotenv import load_dotenv

        file = self.folder / ".env"
        try:
            found = load_dotenv(file)
        except OSError as error:
            raise unreadable(file, error) from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from error
        if found and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            log.warning("other users may read the secrets in %s; to prevent it: chmod 600 %s", file, file)

    def find(self, channel: str) -> Path:
        """The file of CHANNEL: a path to a TOML file, or the name of a file in the folder that CENTRA_MYOGO_CHANNELS
        names, in the project's `channels/` or among the built-in ones. Raises ConfigError."""
        if channel.endswith(".toml") or os.sep in channel:
            path = Path(channel)
            if not _is_file(path):
                raise ConfigError(
                    f"There is no channel file {path} in {Path.cwd()}."
                    if not path.is_absolute()
                    else f"There is no channel file {path}.",
                    f"Check the path{self._name_hint(path)}.",
                )
            return path
        own, known = self._own_folders(), []
        for folder in own:
            if _is_file(path := folder / f"{channel}.toml"):
                return path
            known += [file.stem for file in _toml_files(folder)]
        if channel in self._built_in():
            return BUILT_IN_CHANNELS / f"{channel}.toml"
        places = [str(folder) if _is_dir(folder) else f"{folder} (which does not exist)" for folder in own]
        raise ConfigError(
            f"There is no channel {channel!r}: looked for {channel}.toml in {' and '.join(places)}"
            f"{suggestion(channel, {*known, *self._built_in()})}",
            "Give a channel's name or a path to its file, or write a new one: centra-myogo init NAME. "
            f"{CHANNELS_VARIABLE} can name an additional folder.",
        )

    def channel_files(self) -> list[Path]:
        """The project's own channel files, by name. Raises ConfigError if their folder cannot be read."""
        return _toml_files(self.channels)

    def _own_folders(self) -> list[Path]:
        extra = os.environ.get(CHANNELS_VARIABLE)
        return [*([Path(extra)] if extra else []), self.channels]

    def _built_in(self) -> list[str]:
        return [file.stem for file in _toml_files(BUILT_IN_CHANNELS) if file.stem != EXAMPLE]

    def _name_hint(self, path: Path) -> str:
        known = path.stem in self._built_in() or any(_is_file(folder / path.name) for folder in self._own_folders())
        return f", or give the name of the channel: {path.stem}" if known else ""


def unreadable(path: Path, error: OSError) -> ConfigError:
    """The error of a file or folder that cannot be read."""
    return ConfigError(
        f"{path} cannot be read: {error.strerror or error}.", "Check its owner and its rights, and those of its folder."
    )


def unwritable(path: Path, error: OSError) -> ConfigError:
    """The error of a file or folder that cannot be created or written."""
    return ConfigError(
        f"{path} cannot be written: {error.strerror or error}.", "Check the owner and the rights of its folder."
    )


def _toml_files(folder: Path) -> list[Path]:
    """By name; empty if there is no such folder. Path.glob would hide that the folder cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise unreadable(path, error) from error


def _is_dir(path: Path) -> bool:
    """Also false if a folder above it may not be searched."""
    try:
        return path.is_dir()
    except OSError:
        return False
