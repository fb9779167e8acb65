"""The published tables as Parquet files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import duckdb

from pipelines.config.channel import Channel
from pipelines.core.errors import ConfigError
from pipelines.state.store import Folder, published


def parquet_files(channel: Channel, folder: Folder, to: Path) -> list[Path]:
    """Writes `<schema>.<table>.parquet` into the folder `to` for each table of the channel. Raises ConfigError."""
    written = []
    personal = channel.personal_columns
    with contextlib.closing(published(folder)) as db:
        tables = db.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where regexp_matches(schema_name, '^(raw_|out_|sync)') and table_name not like '\\_dlt%' escape '\\' "
            "order by all"
        ).fetchall()
        try:
            to.mkdir(parents=True, exist_ok=True)
            for schema, table in tables:
                path = to / f"{schema}.{table}.parquet"
                rows = db.table(f"{schema}.{table}")
                # Personal data stays in the database, where it is blanked in time.
                personal_columns = [name for name in rows.columns if name in personal.get(f"{schema}.{table}", ())]
                rows = rows.select(duckdb.StarExpression(exclude=personal_columns)) if personal_columns else rows
                rows.write_parquet(str(path))
                written.append(path)
        except (OSError, duckdb.IOException) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error).splitlines()[0]
            raise ConfigError(f"{to} cannot be written: {reason}.", "Choose another folder.") from error
    return written
