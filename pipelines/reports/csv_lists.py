"""The complete lists, as CSV files from the tables."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import duckdb

from pipelines.config.channel import Channel
from pipelines.reports.model import Facts, FieldChange
from pipelines.reports.query import CHANGES, CLOSED, EXPECTATIONS, WITHHELD, fields, warnings_query
from pipelines.reports.side_by_side import comparison_query

# The start of a formula in a spreadsheet: a sign, also in the wide form of East Asian keyboards, after any blanks and
# invisible characters. A cell can also begin after a character that a spreadsheet in another locale takes for a
# separator, regardless of the quotes in the file.
_INVISIBLE = (
    "\\x00-\\x20\\x7f-\\xa0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe00-\ufe0f\ufeff"
)
FORMULA = rf"((?:^|[;\t\r\n])[{_INVISIBLE}]*)([=+\-@＝＋－＠])"
_NEUTRAL_FORMULA = r"\1'\2"
_LEADING, _NEUTRAL_LEADING = r"^([\t\r\n])", r"'\1"
_TREND = "select started_at, run_id, flow, rule, withholds, row_count from main.v_rule_trend"
_CHUNK = 20_000


def write_lists(db: duckdb.DuckDBPyConnection, channel: Channel, facts: Facts, folder: Path) -> list[Path]:
    """Writes one file per list into `folder`; returns the paths. A text that a spreadsheet would run as a formula gets
    an apostrophe in front; numbers stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for flow in (facts.lead, *facts.others):
        if flow is not None:
            prefix = "" if flow is facts.lead else f"{flow.flow}-"
            at = {"run": flow.run.run_id, "flow": flow.flow}
            written.append(_write_changes(db, at, folder / f"{prefix}changes.csv"))
            for name, query, order in (
                ("withheld", WITHHELD, "w.rule, w.code, w.source_id"),
                ("warnings", warnings_query(channel, flow.flow), "rule, code, source_id"),
                ("closed", CLOSED, "rule, code, source_id"),
            ):
                written.append(_copy(db, f"{query} order by {order}", at, folder / f"{prefix}{name}.csv"))
    for side in facts.comparisons:
        comparison = channel.known_flows[side.flow].comparison
        if comparison is not None:
            query = f"{comparison_query(comparison)} order by abs(coalesce(difference, 0)) desc, code"
            written.append(_copy(db, query, {}, folder / f"{side.flow}.csv"))
    about = {"run": "" if facts.lead is None else facts.lead.run.run_id}
    written.append(_copy(db, f"{_TREND} order by started_at, run_id, rule", {}, folder / "rules.csv"))
    order = "table_name, field, expectation"
    written.append(_copy(db, f"{EXPECTATIONS} order by {order}", about, folder / "expectations.csv"))
    return sorted(written)


def _copy(db: duckdb.DuckDBPyConnection, sql: str, at: dict[str, str], path: Path) -> Path:
    for name, value in at.items():
        sql = sql.replace(f"${name}", _literal(value))
    formula = f"{_literal(FORMULA)}, {_literal(_NEUTRAL_FORMULA)}, 'g'"
    leading = f"{_literal(_LEADING)}, {_literal(_NEUTRAL_LEADING)}"
    columns = [
        f'regexp_replace(regexp_replace("{name}", {formula}), {leading}) as "{name}"'
        if kind == "VARCHAR"
        else f'"{name}"'
        for name, kind, *_ in db.execute(f"describe {sql}").fetchall()
    ]
    db.execute(f"copy (select {', '.join(columns)} from ({sql})) to {_literal(str(path))} (format csv, header)")
    return path


def _write_changes(db: duckdb.DuckDBPyConnection, at: dict[str, str], path: Path) -> Path:
    """Writes one row per change. Reads the rows in chunks, because only our own JSON reader keeps a price's digits."""
    changes = db.cursor().execute(f"select * from ({CHANGES}) order by action, code", at)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["action", "code", "source_id", "changes", "outcome", "message"])
        while rows := changes.fetchmany(_CHUNK):
            for action, code, source_id, before, after, outcome, message in rows:
                change = "; ".join(_in_words(field, action) for field in fields(before, after))
                writer.writerow([*map(_neutral, (action, code, source_id, change, outcome, message))])
    return path


def _in_words(field: FieldChange, action: str) -> str:
    if action == "create":
        return f"{field.name}: {field.new or 'nothing'}"
    return f"{field.name}: {field.old or 'nothing'} -> {field.new or 'nothing'}"


def _neutral(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    return re.sub(_LEADING, _NEUTRAL_LEADING, re.sub(FORMULA, _NEUTRAL_FORMULA, cell))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
