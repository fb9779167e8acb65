"""The complete lists, as CSV files from the tables."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import duckdb

from pipelines.config.channel import Channel
from pipelines.reports.lists import CHANGE_COLUMNS, NamedList, change_rows, lists
from pipelines.reports.model import Facts
from pipelines.state.schema import quoted

# The start of a formula in a spreadsheet: a sign, also in the wide form of East Asian keyboards, after any blanks and
# invisible characters. A cell can also begin after a character that a spreadsheet in another locale takes for a
# separator, regardless of the quotes in the file.
_INVISIBLE = (
    "\\x00-\\x20\\x7f-\\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe00-\ufe0f\ufeff"
)
FORMULA = rf"((?:^|[;\t\r\n])[{_INVISIBLE}]*)([=+\-@＝＋－＠])"
_NEUTRAL_FORMULA = r"\1'\2"
_LEADING, _NEUTRAL_LEADING = r"^([\t\r\n])", r"'\1"
# Spreadsheets take a file for the machine's old character set unless it begins with this mark.
_BYTE_ORDER_MARK = "\ufeff"


def write_lists(db: duckdb.DuckDBPyConnection, channel: Channel, facts: Facts, folder: Path) -> list[Path]:
    """Writes one file per list into `folder`; returns the paths. A text that a spreadsheet would run as a formula gets
    an apostrophe in front; numbers stay as they are. The files are UTF-8 with a byte order mark."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for one in lists(channel, facts):
        path = folder / f"{one.name}.csv"
        if one.is_changes:
            _write_changes(db, one, path)
        else:
            _copy(db, one.query, path)
        written.append(path)
    return sorted(written)


def _copy(db: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    columns = []
    for number, (name, kind, *_) in enumerate(db.execute(f"describe {sql}").fetchall()):
        title = f"{_BYTE_ORDER_MARK}{name}" if number == 0 else name
        columns.append(f'{_cell(name, kind)} as "{title}"')
    db.execute(f"copy (select {', '.join(columns)} from ({sql})) to {quoted(str(path))} (format csv, header)")


def _cell(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        formula = f"{quoted(FORMULA)}, {quoted(_NEUTRAL_FORMULA)}, 'g'"
        leading = f"{quoted(_LEADING)}, {quoted(_NEUTRAL_LEADING)}"
        return f'regexp_replace(regexp_replace("{name}", {formula}), {leading})'
    if kind == "TIMESTAMP":
        return f"strftime(\"{name}\", '%Y-%m-%d %H:%M:%S')"
    return f'"{name}"'


def _write_changes(db: duckdb.DuckDBPyConnection, one: NamedList, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(CHANGE_COLUMNS)
        writer.writerows([*map(_neutral, row)] for row in change_rows(db, one))


def _neutral(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    return re.sub(_LEADING, _NEUTRAL_LEADING, re.sub(FORMULA, _NEUTRAL_FORMULA, cell))
