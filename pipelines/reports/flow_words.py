"""The words for a flow in a report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.core.reference import import_string

if TYPE_CHECKING:
    from pipelines.reports.model import FieldChange, Row


@dataclass(frozen=True)
class FlowWords:
    """The words for a flow: its row in singular and plural, the titles of its source and target, the meaning of its
    counts of drifted and unmatched rows ("" if it has none), and the reference of its contract."""

    row: str
    rows: str
    source: str
    target: str
    drifted: str
    unmatched: str
    contract: str

    @cached_property
    def summary(self) -> tuple[str, ...]:
        """The fields that name a create. A report without changes does not import the contract."""
        summary: tuple[str, ...] = import_string(self.contract).summary
        return summary

    def summary_of(self, row: Row) -> list[FieldChange]:
        """The fields of a change that name it."""
        return [field for field in row["fields"] if field.name in self.summary and field.new]

    def also(self, counts: dict[str, int]) -> str:
        """The two counts that are not part of the sums, as a sentence; "" if both are zero."""
        parts = [
            f"{counts[name]:,} {words}"
            for name, words in (("drifted", self.drifted), ("unmatched", self.unmatched))
            if words and counts[name]
        ]
        return f"Also: {', '.join(parts)}." if parts else ""
