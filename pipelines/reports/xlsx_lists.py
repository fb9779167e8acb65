"""The complete lists as one Excel workbook, a sheet each. Text stays text: no code becomes a number or a formula."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from pipelines.config.channel import Channel
from pipelines.reports.lists import CHANGE_COLUMNS, change_rows, lists
from pipelines.reports.query import gather
from pipelines.reports.tables import has, second_cursor

MAX_ROWS = 1_048_575  # below the heading; Excel has 1,048,576 rows
MAX_TEXT = 32_767  # characters in a cell
CUT = " … (cut)"
_EXACT_DIGITS = 15  # Excel's numbers have no more
_CHUNK = 10_000
_CONTENTS = "contents"
# Nothing is guessed: a text that looks like a formula, an address or a number is a text.
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
Rows = Iterator[tuple[Any, ...]]


def write_workbook(db: duckdb.DuckDBPyConnection, channel: Channel, path: Path) -> None:
    """Writes the workbook, in one step. Its first sheet names the run and the sheets; lists without rows have none.

    Raises ConfigError if the channel has no run yet, OSError, and xlsxwriter's own errors.
    """
    facts = gather(db, channel)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".xlsx-") as folder:
        fresh = Path(folder) / "workbook.xlsx"
        book = _Workbook(fresh, folder)
        for view in channel.database_schema.views:
            if view.sheet and has(db, f"main.{view.name}"):
                book.add(view.sheet, *_rows(db, f"select * from main.{view.name}"))
        for one in lists(channel, facts):
            if one.is_changes:
                book.add(one.name, CHANGE_COLUMNS, change_rows(db, one))
            else:
                book.add(one.name, *_rows(db, one.query))
        book.close(
            f"Channel {channel.name}, {facts.run.verb} {facts.run.run_id}, {facts.run.started_at:%Y-%m-%d %H:%M} UTC"
        )
        os.replace(fresh, path)


def _rows(db: duckdb.DuckDBPyConnection, query: str) -> tuple[tuple[str, ...], Rows]:
    result = second_cursor(db).execute(query)
    names = tuple(name for name, *_ in result.description or ())

    def rows() -> Rows:
        while chunk := result.fetchmany(_CHUNK):
            yield from chunk

    return names, rows()


class _Workbook:
    """A workbook that is written row by row."""

    def __init__(self, path: Path, temporary: str) -> None:
        self._book = xlsxwriter.Workbook(str(path), {**_OPTIONS, "tmpdir": temporary})
        self._book.use_zip64()
        self._head = self._book.add_format({"bold": True, "num_format": "@"})
        self._text = self._book.add_format({"num_format": "@"})
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._contents = self._sheet(_CONTENTS, ("list", "rows", "sheet"))
        self._listed: list[tuple[str, int, str]] = []

    def add(self, name: str, columns: tuple[str, ...], rows: Rows) -> None:
        """Adds the sheets of a list: none without rows, several if Excel's rows do not suffice."""
        sheet: Worksheet | None = None
        count = 0
        titles: list[str] = []
        for row in rows:
            number = count % MAX_ROWS
            if number == 0:
                titles.append(self._title(name))
                sheet = self._sheet(titles[-1], columns)
            assert sheet is not None
            for column, value in enumerate(row):
                self._write(sheet, number + 1, column, value)
            count += 1
        self._listed.append((name, count, ", ".join(titles)))

    def close(self, about: str) -> None:
        for number, row in enumerate(self._listed, start=1):
            for column, value in enumerate(row):
                self._write(self._contents, number, column, value)
        self._write(self._contents, len(self._listed) + 2, 0, about)
        self._book.close()

    def _sheet(self, title: str, columns: tuple[str, ...]) -> Worksheet:
        sheet = self._book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(columns) - 1, 0), 18)
        for column, name in enumerate(columns):
            sheet.write_string(0, column, name, self._head)
        return sheet

    def _title(self, name: str) -> str:
        """A title that Excel accepts: at most 31 characters, and none twice, whatever the case."""
        taken = {sheet.get_name().lower() for sheet in self._book.worksheets()}
        title, count = name[:31], 1
        while title.lower() in taken:
            count += 1
            title = f"{name[:26]} {count}"
        return title

    def _write(self, sheet: Worksheet, row: int, column: int, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, int | float | Decimal) and _is_exact(value):
            sheet.write_number(row, column, value)
        elif isinstance(value, datetime) and value.year >= 1900:
            sheet.write_datetime(row, column, value.replace(microsecond=0), self._time)
        elif isinstance(value, date) and not isinstance(value, datetime) and value.year >= 1900:
            sheet.write_datetime(row, column, value, self._day)
        else:
            text = str(value)
            text = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT)] + CUT
            sheet.write_string(row, column, text, self._text)


def _is_exact(number: int | float | Decimal) -> bool:
    """Whether Excel shows the number as it is."""
    if isinstance(number, float):
        return math.isfinite(number)
    if isinstance(number, int):
        return len(str(abs(number))) <= _EXACT_DIGITS
    return number.is_finite() and len(number.normalize().as_tuple().digits) <= _EXACT_DIGITS
