"""Generates docs/errors.md, the page of rules and errors: `python -m pipelines.reports.error_reference`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipelines.config.registry import BUILTIN_FLOWS
from pipelines.core.errors import CentraMyogoError, Entry
from pipelines.core.reference import import_string
from pipelines.engine.flow import Flow
from schemas.rule import Rule

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def flows() -> dict[str, type[Flow]]:
    return {name: import_string(reference) for name, reference in BUILTIN_FLOWS.items()}


def rules(withholds: bool) -> list[Rule]:
    """The row rules of all flows: those that withhold a row, or those that only warn."""
    return [rule for flow in flows().values() for rule in flow.rules if rule.withholds == withholds]


def errors() -> list[Entry]:
    """All errors of runs and records, sorted by id."""
    entries = {kind.entry.id: kind.entry for kind in _kinds(CentraMyogoError)}
    return [entries[name] for name in sorted(entries)]


def page() -> str:
    """The reference as Markdown."""
    suites = [suite for flow in flows().values() for suite in flow.suites]
    return "\n".join(
        [
            "# Rules and errors",
            "",
            "Generated from the code by `make docs`; change it there.",
            "",
            "## Rules that withhold a row",
            "",
            *_rule_table(rules(withholds=True), "A row is withheld when"),
            "",
            "## Warnings",
            "",
            "The row is not withheld for it.",
            "",
            *_rule_table(rules(withholds=False), "Reported when"),
            "",
            "## Catalogue checks",
            "",
            "Great Expectations validates them on every plan and push.",
            "They stop the run only if the channel file says so.",
            "",
            "| Id | Of | It is expected that | What to do |",
            "|---|---|---|---|",
            *(
                f"| {one.id} | `{suite.table}` | {one.meaning} | {one.fix} |"
                for suite in suites
                for one in suite.expectations
            ),
            "",
            "## Errors",
            "",
            "The id is in `error.id` of the JSON and behind the message on the screen. `TARGET-001` and `TARGET-002`",
            "are outcomes of single records in `sync.journal` (refused, unknown).",
            "",
            *_table([(e.id, e.meaning, e.cause, e.fix, e.owner) for e in errors()], "Meaning"),
            "",
        ]
    )


def _kinds(kind: type[CentraMyogoError]) -> Iterator[type[CentraMyogoError]]:
    """The class and its subclasses in this program."""
    yield kind
    for subclass in kind.__subclasses__():
        if subclass.__module__.startswith("pipelines."):
            yield from _kinds(subclass)


def _rule_table(listed: list[Rule], meaning: str) -> list[str]:
    return _table([(rule.id, rule.meaning, rule.cause, rule.fix, rule.fix_in) for rule in listed], meaning)


def _table(rows: list[tuple[str, ...]], meaning: str) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| Id | {meaning} | Usual cause | What to do | Where |", "|---|---|---|---|---|", *lines]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
