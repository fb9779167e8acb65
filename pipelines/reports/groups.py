"""Rows of one rule that belong together: those of one product, or those that share a value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from pipelines.reports.model import Row, Todo

MAX_NAMES = 3


@dataclass(frozen=True)
class Group:
    """`title` is the code that the rows have in common. `total` is the number of lines and `members` that of different
    rows; `rows` has the first lines. `shared` names what they share, such as "code"; it is "" for rows of one product.
    """

    title: str
    shared: str
    total: int
    members: int
    rows: list[Row]

    @property
    def name(self) -> str:
        """Brand, name, variant and size, with the first of each that the rows have."""
        parts = [self._different(column) for column in ("brand", "name", "variant")]
        size = self.rows[0]["size"] if len(self.rows) == 1 else ""
        return " · ".join(filter(None, (*parts, size)))

    @property
    def message(self) -> str:
        """The message that all rows have; "" if each has its own."""
        return str(self.rows[0]["message"]) if len({row["message"] for row in self.rows}) == 1 else ""

    @property
    def codes(self) -> list[str]:
        """The different codes, in order."""
        return [*dict.fromkeys(row["code"] for row in self.rows if row["code"])]

    @property
    def values(self) -> list[SharedValue]:
        """The shared values, each with the rows that have it."""
        rows = sorted(self.rows, key=lambda row: str(row["value"]))
        return [
            SharedValue(value, same, self.shared == "code" and all(row["code_rows"] == len(same) for row in same))
            for value, of_value in groupby(rows, lambda row: str(row["value"]))
            for same in [[*of_value]]
        ]

    @property
    def came_back(self) -> int:
        """How often a row of the group has broken the rule, if that is more than once; else 0."""
        times = max(row["times"] for row in self.rows)
        return times if times > 1 else 0

    def _different(self, column: str) -> str:
        found = [*dict.fromkeys(str(row[column]) for row in self.rows if row[column])]
        return ", ".join(found[:MAX_NAMES]) + (" and others" if len(found) > MAX_NAMES else "")


@dataclass(frozen=True)
class SharedValue:
    """Rows that share `value`. `is_complete` states that no other row has it, so that the list of them says it all."""

    value: str
    rows: list[Row]
    is_complete: bool


def groups(todo: Todo) -> list[Group]:
    """The groups of the rows that the to-do shows, in their order."""
    return [_group(todo, [*rows]) for _, rows in groupby(todo.examples, lambda row: row["group_id"])]


def _group(todo: Todo, rows: list[Row]) -> Group:
    first = rows[0]
    shared = todo.shared if first["value_rows"] > 1 else ""
    return Group(_title(rows), shared, first["group_rows"], first["group_members"], rows)


def _title(rows: list[Row]) -> str:
    """The longest code that the rows have in common: their own, that of their variant, or that of their product."""
    for column in ("code", "variant_code", "product_code"):
        values = {row[column] for row in rows}
        if len(values) == 1 and (value := values.pop()):
            return str(value)
    return str(rows[0]["code"] or "")
