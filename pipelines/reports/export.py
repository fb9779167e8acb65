"""The tables of the last run elsewhere: Parquet files, one DuckDB file, an Excel workbook, a data warehouse."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import duckdb

from pipelines.config.channel import Channel
from pipelines.core.errors import ConfigError
from pipelines.reports.parquet import parquet_files
from pipelines.state.shared_copy import write_shared_copy
from pipelines.state.store import Folder, published


def export(
    channel: Channel,
    folder: Folder,
    parquet: Path | None = None,
    database: Path | None = None,
    xlsx: Path | None = None,
    warehouse: str | None = None,
) -> list[str]:
    """Writes what is named, all without personal data; returns what was written. `warehouse` is the address of a
    PostgreSQL database, or env:NAME. Raises ConfigError and DataWarehouseUnavailable."""
    if parquet is None and database is None and xlsx is None and warehouse is None:
        raise ConfigError(
            "export does not know what to write.", "Add --duckdb FILE, --xlsx FILE, --parquet DIR or --to ADDRESS."
        )
    written = [] if parquet is None else [str(path) for path in parquet_files(channel, folder, parquet)]
    if database is not None:
        _write_database(channel, folder, database)
        written.append(str(database))
    if xlsx is not None:
        _write_workbook(channel, folder, xlsx)
        written.append(str(xlsx))
    if warehouse is not None:
        written.append(_write_warehouse(channel, folder, warehouse))
    return written


def _write_warehouse(channel: Channel, folder: Folder, to: str) -> str:
    from pipelines.fleet.data_warehouse import write
    from pipelines.fleet.postgres import Address

    address = Address.of(to, "--to")
    published(folder).close()  # says what is wrong if there is none
    views = {view.name: view.of_channels for view in channel.database_schema.views if view.of_channels}
    done = write(channel.name, folder, channel.personal_columns, views, address)
    return f"{done.tables} tables and views, {done.rows:,} rows, to {done.place}"


def _write_database(channel: Channel, folder: Folder, to: Path) -> None:
    published(folder).close()  # says what is wrong if there is none
    _refuse_own_file(folder, to)
    fresh = to.with_name(f".{to.name}.new")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        write_shared_copy(folder.published, fresh, channel.personal_columns)
        os.replace(fresh, to)
    except (OSError, duckdb.IOException) as error:
        raise _not_written(to, error) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


def _write_workbook(channel: Channel, folder: Folder, to: Path) -> None:
    from xlsxwriter.exceptions import XlsxWriterException

    from pipelines.reports.xlsx_lists import write_workbook

    _refuse_own_file(folder, to)
    with contextlib.closing(published(folder)) as db:
        try:
            write_workbook(db, channel, to)
        except (OSError, XlsxWriterException) as error:
            raise _not_written(to, error) from error


def _refuse_own_file(folder: Folder, to: Path) -> None:
    if to.is_dir():
        raise ConfigError(f"{to} is a folder.", f"Name a file in it, for example {to / 'export'}{to.suffix}.")
    if to.resolve().is_relative_to(folder.root.resolve()):
        raise ConfigError(f"{to} is in the data folder of the channel.", "Name a file in another folder.")


def _not_written(to: Path, error: Exception) -> ConfigError:
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error).splitlines()[0]
    return ConfigError(f"{to} cannot be written: {reason}.", "Choose another place.")
