"""Data Docs of Great Expectations for the last run with batch checks, from stored results, readable offline."""

from __future__ import annotations

import json
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.core.errors import ConfigError
from pipelines.engine.batch_checks import great_expectations

_LAST = """
    select run_id, channel, verb, strftime(started_at, '%Y-%m-%d %H:%M:%S') as started_at from sync.runs
    where run_id in (select run_id from sync.expectations) order by started_at desc, run_id desc limit 1"""
_ROWS = """
    select expectation, table_name, status, meaning, fix, message, stops, cast(gx_result as varchar) as gx_result,
           nullif(evaluated_in, run_id) as unchanged_since
    from sync.expectations where run_id = $run_id order by rowid"""


def write(db: duckdb.DuckDBPyConnection, into: Path) -> list[Path]:
    """Writes index.html and a page per table into the folder `into`; returns the paths. Raises ConfigError."""
    run, rows = _read(db)
    tables: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["gx_result"] is not None:
            tables.setdefault(row["table_name"], []).append(row)
        row["link"] = f"{row['table_name']}.html" if row["gx_result"] is not None else ""
    environment = Environment(
        loader=PackageLoader("pipelines.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    template = environment.get_template("data_docs.html.j2")
    style = (Path(__file__).parent / "templates" / "data_docs.css").read_text("utf-8")
    pages = {"index.html": template.render(title="Catalogue checks", run=run, rows=rows, style=style, page="")}
    with great_expectations():
        for table, results in tables.items():
            page = _sections(_rendered(table, results, run))
            pages[f"{table}.html"] = template.render(title=table, run=run, style=style, page=page)
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (into / name).write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be written: {error.strerror}.", "Choose another place.") from error
    return [into / name for name in pages]


def _read(db: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The newest run with batch checks, and its results."""
    try:
        runs = _dicts(db, _LAST, {})
    except duckdb.CatalogException:  # published before there were expectations
        runs = []
    if not runs:
        raise ConfigError("No run of this channel has done its batch checks yet.", "Run plan or push first.")
    return runs[0], _dicts(db, _ROWS, {"run_id": runs[0]["run_id"]})


def _dicts(db: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    result = db.execute(sql, parameters)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _rendered(table: str, rows: list[dict[str, Any]], run: dict[str, Any]) -> str:
    """The page of Great Expectations for the results of one table."""
    from great_expectations import __version__ as version
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    results = []
    for row in rows:
        stored = json.loads(row["gx_result"])
        described = stored["expectation_config"] | {"description": f"{row['expectation']}: {row['meaning']}"}
        results.append(
            ExpectationValidationResult(
                expectation_config=ExpectationConfiguration(**described),
                success=row["status"] == "passed",
                result=stored["result"],
                meta=stored["meta"],
                exception_info=stored["exception_info"],
            )
        )
    passed = sum(row["status"] == "passed" for row in rows)
    suite_result = ExpectationSuiteValidationResult(
        success=passed == len(rows),
        results=results,
        suite_name=table,
        statistics={
            "evaluated_expectations": len(rows),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(rows) - passed,
            "success_percent": 100 * passed / len(rows),
        },
        meta={
            "great_expectations_version": version,
            "run_id": {"run_name": run["run_id"], "run_time": f"{run['started_at']}+00:00"},
        },
    )
    return str(DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(suite_result)))


class _Sections(HTMLParser):
    """Extracts the sections of a Data Docs page, without anything that loads, runs or links to other pages."""

    DROPPED = frozenset({"script", "style", "iframe", "object", "svg", "button", "form"})
    VOID = frozenset({"img", "link", "meta", "input", "base", "embed", "source", "br", "hr"})
    KEPT = frozenset({"id", "class", "colspan", "rowspan", "hidden"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._divs = 0  # open div elements, the section's own included
        self._dropped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "div" and (self._divs or "ge-section" in attributes.get("class", "").split()):
            self._divs += 1
        if not self._divs or (tag in self.VOID and tag not in ("br", "hr")):
            return
        if self._dropped or tag in self.DROPPED or (tag == "a" and "data-toggle" in attributes):
            if tag not in self.VOID and (not self._dropped or tag == self._dropped[0]):
                self._dropped.append(tag)
            return
        kept = {k: v for k, v in attributes.items() if k in self.KEPT or (k == "href" and v.startswith("#"))}
        text = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
        self.parts.append(f"<{tag}{text}>")

    def handle_endtag(self, tag: str) -> None:
        if not self._divs:
            return
        if self._dropped:
            if tag == self._dropped[0]:
                self._dropped.pop()
        else:
            self.parts.append(f"</{tag}>")
        if tag == "div":
            self._divs -= 1

    def handle_data(self, data: str) -> None:
        if self._divs and not self._dropped:
            self.parts.append(escape(data))


def _sections(page: str) -> str:
    parser = _Sections()
    parser.feed(page)
    parser.close()
    return "".join(parser.parts)
