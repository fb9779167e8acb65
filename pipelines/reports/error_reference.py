"""The page of rules and errors, made from the code: `python -m pipelines.reports.error_reference`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipelines.core.errors import CentraMyogoError, Entry
from schemas.products.expectations import EXPECTATIONS
from schemas.rules import RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def rules(withholds: bool) -> list[Entry]:
    """The row rules, those that withhold or those that only warn."""
    return [
        Entry(rule.id, rule.meaning, rule.cause, rule.fix, rule.owner)
        for rule in RULES.values()
        if rule.withholds == withholds
    ]


def errors() -> list[Entry]:
    """What a run or a record can end in, by id."""
    found = {kind.entry.id: kind.entry for kind in _kinds(CentraMyogoError)}
    return [found[name] for name in sorted(found)]


def page() -> str:
    """The whole catalogue as Markdown."""
    return "\n".join(
        [
            "# Rules and errors",
            "",
            "Made from the code by `make docs`; change it there.",
            "",
            "## Rules that withhold a row",
            "",
            *_table(rules(withholds=True), "A row is withheld when"),
            "",
            "## Warnings",
            "",
            "The row is sent all the same.",
            "",
            *_table(rules(withholds=False), "Told when"),
            "",
            "## Batch expectations",
            "",
            "Judged by Great Expectations on every plan and push; they stop one only where the channel file says so.",
            "",
            "| Id | Of | It is expected that | What to do |",
            "|---|---|---|---|",
            *(f"| {one.id} | `{one.table}` | {one.meaning} | {one.fix} |" for one in EXPECTATIONS.values()),
            "",
            "## Errors",
            "",
            "They stand in `error.id` of the JSON and behind the message on the screen. `TARGET-001` and `TARGET-002`",
            "are outcomes of single records in `sync.journal` (refused, unknown).",
            "",
            *_table(errors(), "Meaning"),
            "",
        ]
    )


def _kinds(kind: type[CentraMyogoError]) -> Iterator[type[CentraMyogoError]]:
    """The kind and those below it that are this program's own."""
    yield kind
    for below in kind.__subclasses__():
        if below.__module__.startswith("pipelines."):
            yield from _kinds(below)


def _table(entries: list[Entry], meaning: str) -> list[str]:
    rows = [f"| {e.id} | {e.meaning} | {e.cause} | {e.fix} | {e.owner} |" for e in entries]
    return [f"| Id | {meaning} | Usual cause | What to do | Who |", "|---|---|---|---|---|", *rows]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
