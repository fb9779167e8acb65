"""The last run again, from the published tables: text, one HTML page, CSV files; and the history of a code."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console
from rich.markup import escape

from pipelines.clients.payload import decode
from pipelines.errors import ConfigError
from pipelines.report import RunReport
from pipelines.store import COUNTS, Folder, published
from schemas.rules import RULES

MOST_INLINE = 50
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Todo:
    """One rule that somebody must act on."""

    rule: str
    rows: int
    since: datetime | None
    meaning: str
    fix: str
    owner: str
    examples: list[dict[Hashable, Any]]


@dataclass(frozen=True)
class Review:
    """Everything the views show. Frames hold the whole lists; the page shows the start of each."""

    run: RunReport
    read_run_id: str  # the newest run that read everything: what the lists below speak of
    last_good: datetime | None
    todos: list[Todo]
    warnings: list[Todo]
    lists: dict[str, pd.DataFrame]
    stock: dict[str, Any]
    trend: list[dict[Hashable, Any]]

    def show(self, out: Console) -> None:
        """The same facts as text."""
        run, c = self.run, self.run.counts
        out.print(f"[bold]{escape(run.headline)}[/] ({run.verb}, exit {run.exit_code}, run {run.run_id})")
        if run.message:
            out.print(escape(run.message))
        out.print(f"Began {run.started_at:%Y-%m-%d %H:%M:%S} UTC; last good run {_when(self.last_good)}.")
        out.print(
            f"read {c['read']} = skipped {c['skipped']} + withheld {c['withheld']} + create {c['create']} + update "
            f"{c['update']} + unchanged {c['unchanged']}; drifted {c['drifted']}, in myOGO only {c['unmatched']}"
        )
        if run.verb == "push":
            out.print(
                f"create {c['create']} + update {c['update']} = applied {c['applied']} + refused {c['refused']} "
                f"+ unknown {c['unknown']} + not attempted {c['not_attempted']}"
            )
        for title, todos in (("To fix", self.todos), ("Worth a look", self.warnings)):
            if todos:
                out.print(f"\n[bold]{title}[/]")
            for todo in todos:
                out.print(f"  {todo.rule} {todo.rows} ({todo.owner}): {escape(todo.meaning)}")
                out.print(f"    [dim]{escape(todo.fix)}[/]")

    def html(self) -> str:
        """One page that needs no network and no JavaScript; every text of a vendor is escaped."""
        environment = Environment(
            loader=PackageLoader("pipelines", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["when"] = _when
        return environment.get_template("report.html.j2").render(
            review=self, run=self.run, counts=self.run.counts, most=MOST_INLINE
        )

    def write(self, html: Path | None, csv: Path | None) -> list[Path]:
        """Writes what was asked for and says where it is. Raises ConfigError."""
        written = []
        try:
            if html is not None:
                html.parent.mkdir(parents=True, exist_ok=True)
                html.write_text(self.html(), "utf-8")
                written.append(html)
            if csv is not None:
                csv.mkdir(parents=True, exist_ok=True)
                for name, rows in self.lists.items():
                    path = csv / f"{name}.csv"
                    _neutral(rows).to_csv(path, index=False)
                    written.append(path)
        except OSError as error:
            raise ConfigError(
                f"{error.filename} cannot be written: {error.strerror}.", "Choose another place."
            ) from error
        return written


def review(folder: Folder) -> Review:
    """The last run of a channel. Raises ConfigError where there is none yet."""
    with contextlib.closing(published(folder)) as db:
        runs = db.execute("select * from sync.runs order by started_at desc, run_id desc limit 1").df()
        if runs.empty:
            raise ConfigError("This channel has not run yet.", "Run plan or push first.")
        run = _run(runs.iloc[0].to_dict())
        read = db.execute(
            'select run_id from sync.runs where "read" > 0 order by started_at desc, run_id desc limit 1'
        ).fetchone()
        read_run_id = read[0] if read else run.run_id
        good = db.execute("select max(started_at) from sync.runs where exit_code in (0, 3)").fetchone()
        withheld = db.execute(
            "select rule, owner, code, stock_item_id, value, message, since, fix from sync.withheld "
            "where run_id = ? order by rule, code, stock_item_id",
            [read_run_id],
        ).df()
        warned = db.execute(
            "select rule, owner, code, stock_item_id, value, message, fix from out_myogo.warnings "
            "order by rule, code, stock_item_id"
        ).df()
        changes = db.execute(
            "select c.action, c.key as code, cast(c.before as varchar) as before, cast(c.after as varchar) as after, "
            "coalesce(j.outcome, case when r.verb = 'plan' then 'planned' else 'not_attempted' end) as outcome, "
            "coalesce(j.message, '') as message "
            "from sync.changes c join sync.runs r using (run_id) "
            "left join sync.journal j on j.run_id = c.run_id and j.key = c.key and j.action = c.action "
            "where c.run_id = ? order by c.action, c.key",
            [read_run_id],
        ).df()
        stock = _stock(db)
        trend = db.execute(
            'select started_at, verb, exit_code, "read", withheld, "create" + "update" as changes, applied '
            "from sync.runs order by started_at desc, run_id desc limit 14"
        ).df()
    return Review(
        run=run,
        read_run_id=read_run_id,
        last_good=good[0] if good else None,
        todos=_todos(withheld),
        warnings=_todos(warned),
        lists={"withheld": withheld, "warnings": warned, "changes": changes, "stock": stock},
        stock=_stock_summary(stock),
        trend=trend.to_dict("records"),
    )


def history(folder: Folder, code: str) -> list[str]:
    """One line per event of the code, oldest first. Raises ConfigError where nothing was ever staged."""
    with contextlib.closing(published(folder)) as db:
        if not _has(db, "v_history"):
            raise ConfigError("This channel has not read both sides yet.", "Run plan or push first.")
        rows = db.execute(
            "select happened_at, run_id, verb, event, coalesce(detail, '') from v_history where code = ? "
            "order by happened_at, event",
            [code],
        ).fetchall()
    if not rows:
        return [f"Nothing was ever planned, written or withheld for {code!r}."]
    return [f"{at:%Y-%m-%d %H:%M:%S} {verb:5} {run}  {event}  {_line(detail)}" for at, run, verb, event, detail in rows]


def _run(row: dict[Hashable, Any]) -> RunReport:
    facts = decode(row["facts"].encode()) if isinstance(row["facts"], str) else {}
    return RunReport(
        channel=row["channel"],
        run_id=row["run_id"],
        verb=row["verb"],
        started_at=row["started_at"],
        outcome=row["outcome"],
        exit_code=int(row["exit_code"]),
        message=row["message"] or "",
        fix=str(facts.get("fix", "")),
        fingerprint=row["fingerprint"] or "",
        flow=row["flow"],
        counts={name: 0 if pd.isna(row[name]) else int(row[name]) for name in COUNTS},
        facts=facts,
        ended_at=row["ended_at"],
    )


def _todos(told: pd.DataFrame) -> list[Todo]:
    """One per rule, the most frequent first."""
    todos = []
    for rule, rows in told.groupby("rule", sort=True):
        known = RULES[str(rule)]
        since = rows["since"].min() if "since" in rows else None
        todos.append(
            Todo(
                rule=known.id,
                rows=len(rows),
                since=since,
                meaning=known.meaning,
                fix=known.fix,
                owner=known.owner,
                examples=rows.head(MOST_INLINE).to_dict("records"),
            )
        )
    return sorted(todos, key=lambda todo: (-todo.rows, todo.rule))


def _has(db: duckdb.DuckDBPyConnection, view: str) -> bool:
    found = db.execute("select count(*) from information_schema.tables where table_name = ?", [view]).fetchone()
    return bool(found and found[0])


def _stock(db: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    if not _has(db, "v_stock_side_by_side"):
        return pd.DataFrame({"code": [], "difference": [], "centra_available": [], "myogo_available": []})
    return db.execute("select * from v_stock_side_by_side order by abs(coalesce(difference, 0)) desc, code").df()


def _stock_summary(stock: pd.DataFrame) -> dict[str, Any]:
    both = stock["difference"].notna()
    differing = both & (stock["difference"] != 0)
    return {
        "equal": int((both & ~differing).sum()),
        "differing": int(differing.sum()),
        "centra_only": int(stock["myogo_available"].isna().sum()),
        "myogo_only": int(stock["centra_available"].isna().sum()),
        "largest": stock[differing].head(10).to_dict("records"),
    }


def _neutral(rows: pd.DataFrame) -> pd.DataFrame:
    """Texts that a spreadsheet would take for a formula get an apostrophe before them."""

    def neutral(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

    texts = [str(column) for column in rows if not pd.api.types.is_numeric_dtype(rows[column])]
    return rows.assign(**{column: rows[column].map(neutral) for column in texts})


def _when(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None and not pd.isna(moment) else "never"


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
