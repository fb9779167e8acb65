"""The lists in full, as CSV files straight from the tables."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb

from pipelines.review.facts import Facts, Field
from pipelines.review.gather import CHANGES, CLOSED, EXPECTATIONS, STOCK, WARNINGS, WITHHELD, fields, has

# What a spreadsheet takes for the start of a formula, the wide forms of East Asian keyboards included.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_TREND = 'select started_at, run_id, rule, withholds, "rows" from main.v_rule_trend'
_CHUNK = 20_000


def write_lists(db: duckdb.DuckDBPyConnection, facts: Facts, folder: Path) -> list[Path]:
    """One file per list below `folder`. Texts that a spreadsheet would run get an apostrophe before them."""
    folder.mkdir(parents=True, exist_ok=True)
    about = "" if facts.judged is None else facts.judged.run_id
    lists = {
        "withheld": (f"{WITHHELD} order by w.rule, w.code, w.stock_item_id", "sync.withheld"),
        "warnings": (f"{WARNINGS} order by rule, code, stock_item_id", "out_myogo.warnings"),
        "closed": (f"{CLOSED} order by rule, code, stock_item_id", "sync.faults"),
        "stock": (f"{STOCK} order by abs(coalesce(difference, 0)) desc, code", "main.v_stock_side_by_side"),
        "rules": (f"{_TREND} order by started_at, run_id, rule", "main.v_rule_trend"),
        "expectations": (f'{EXPECTATIONS} order by "table", "column", expectation', "sync.expectations"),
    }
    written = [_write_changes(db, about, folder / "changes.csv")]
    for name, (sql, table) in lists.items():
        if has(db, table):
            written.append(_copy(db, sql.replace("$run", _literal(about)), folder / f"{name}.csv"))
    return sorted(written)


def _copy(db: duckdb.DuckDBPyConnection, sql: str, path: Path) -> Path:
    starts = ", ".join(_literal(start) for start in FORMULA)
    columns = [
        f"case when left(\"{name}\", 1) in ({starts}) then '''' || \"{name}\" else \"{name}\" end as \"{name}\""
        if kind == "VARCHAR" else f'"{name}"'
        for name, kind, *_ in db.execute(f"describe {sql}").fetchall()
    ]  # fmt: skip
    db.execute(f"copy (select {', '.join(columns)} from ({sql})) to {_literal(str(path))} (format csv, header)")
    return path


def _write_changes(db: duckdb.DuckDBPyConnection, run_id: str, path: Path) -> Path:
    """One row per change; by chunks, because only our own JSON reader keeps the digits of a price."""
    found = db.cursor().execute(f"select * from ({CHANGES}) order by action, code", {"run": run_id})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["action", "code", "stock_item_id", "changes", "outcome", "message"])
        while rows := found.fetchmany(_CHUNK):
            for action, code, stock_item_id, before, after, outcome, message in rows:
                change = "; ".join(_told(field, action) for field in fields(before, after))
                writer.writerow([*map(_neutral, (action, code, stock_item_id, change, outcome, message))])
    return path


def _told(field: Field, action: str) -> str:
    if action == "create":
        return f"{field.name}: {field.new or 'nothing'}"
    return f"{field.name}: {field.old or 'nothing'} -> {field.new or 'nothing'}"


def _neutral(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
