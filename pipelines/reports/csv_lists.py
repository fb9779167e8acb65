"""The lists in full, as CSV files straight from the tables."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import duckdb

from pipelines.reports.model import Facts, FieldChange
from pipelines.reports.query import CHANGES, CLOSED, EXPECTATIONS, STOCK, WARNINGS, WITHHELD, fields, has

# What a spreadsheet takes for the start of a formula, also after blanks and characters that cannot be seen, the wide
# forms of East Asian keyboards included; and the same after what another locale's spreadsheet takes for the end of a
# cell, whatever the file is quoted with.
_UNSEEN = (
    "\\x00-\\x20\\x7f-\\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe00-\ufe0f\ufeff"
)
FORMULA = rf"((?:^|[;\t\r\n])[{_UNSEEN}]*)([=+\-@＝＋－＠])"
_NEUTRAL = r"\1'\2"
_LEADING, _LED = r"^([\t\r\n])", r"'\1"
_TREND = 'select started_at, run_id, rule, withholds, "rows" from main.v_rule_trend'
_CHUNK = 20_000


def write_lists(db: duckdb.DuckDBPyConnection, facts: Facts, folder: Path) -> list[Path]:
    """One file per list below `folder`. Texts that a spreadsheet would run get an apostrophe before them.

    Numbers are left alone: only texts can be anything.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {"run": "" if facts.judged is None else facts.judged.run_id, "flow": "products"}
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
            written.append(_copy(db, sql, about, folder / f"{name}.csv"))
    for other in facts.others:
        at = {"run": other.run.run_id, "flow": other.flow}
        written.append(_write_changes(db, at, folder / f"{other.flow}-changes.csv"))
        for name in ("withheld", "warnings", "closed"):
            written.append(_copy(db, lists[name][0], at, folder / f"{other.flow}-{name}.csv"))
    return sorted(written)


def _copy(db: duckdb.DuckDBPyConnection, sql: str, at: dict[str, str], path: Path) -> Path:
    for name, value in at.items():
        sql = sql.replace(f"${name}", _literal(value))
    formula, leading = f"{_literal(FORMULA)}, {_literal(_NEUTRAL)}, 'g'", f"{_literal(_LEADING)}, {_literal(_LED)}"
    columns = [
        f'regexp_replace(regexp_replace("{name}", {formula}), {leading}) as "{name}"'
        if kind == "VARCHAR"
        else f'"{name}"'
        for name, kind, *_ in db.execute(f"describe {sql}").fetchall()
    ]
    db.execute(f"copy (select {', '.join(columns)} from ({sql})) to {_literal(str(path))} (format csv, header)")
    return path


def _write_changes(db: duckdb.DuckDBPyConnection, at: dict[str, str], path: Path) -> Path:
    """One row per change; by chunks, because only our own JSON reader keeps the digits of a price."""
    found = db.cursor().execute(f"select * from ({CHANGES}) order by action, code", at)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["action", "code", "stock_item_id", "changes", "outcome", "message"])
        while rows := found.fetchmany(_CHUNK):
            for action, code, stock_item_id, before, after, outcome, message in rows:
                change = "; ".join(_told(field, action) for field in fields(before, after))
                writer.writerow([*map(_neutral, (action, code, stock_item_id, change, outcome, message))])
    return path


def _told(field: FieldChange, action: str) -> str:
    if action == "create":
        return f"{field.name}: {field.new or 'nothing'}"
    return f"{field.name}: {field.old or 'nothing'} -> {field.new or 'nothing'}"


def _neutral(cell: Any) -> Any:
    return re.sub(_LEADING, _LED, re.sub(FORMULA, _NEUTRAL, cell)) if isinstance(cell, str) else cell


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
