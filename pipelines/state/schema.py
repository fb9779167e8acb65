"""Declarations of the tables and views of a channel's DuckDB: each column with its type and meaning."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.fields.spec import FieldSpec


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """A table; `name` includes the schema."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    def statements(self) -> Iterator[str]:
        columns = ", ".join(f"{column.name} {column.type}" for column in self.columns)
        yield f"create table if not exists {self.name} ({columns})"
        yield f"comment on table {self.name} is {quoted(self.comment)}"
        for column in self.columns:
            yield f"comment on column {self.name}.{column.name} is {quoted(column.comment)}"


@dataclass(frozen=True)
class View:
    """A view; `name` has no schema: all views are in `main`. `sheet` is its title in a workbook; "" for none.

    A data warehouse stores the rows of a view. A view with more rows than should be stored has a query for PostgreSQL,
    `of_channels`, over the tables of all channels in `{schema}`.
    """

    name: str
    comment: str
    query: str
    columns: tuple[Column, ...]
    sheet: str = ""
    of_channels: str = ""

    def statements(self) -> Iterator[str]:
        yield f"create or replace view main.{self.name} as {self.query}"
        yield f"comment on view main.{self.name} is {quoted(self.comment)}"
        for column in self.columns:
            yield f"comment on column main.{self.name}.{column.name} is {quoted(column.comment)}"


@dataclass(frozen=True)
class Mirror:
    """A staged table, which must exist before anything is read: `own_columns`, then those of the fields."""

    name: str
    fields: tuple[FieldSpec, ...]
    own_columns: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Name and type, in the order in which they are staged."""
        types = {"integer": "bigint", "flag": "boolean"}
        return [
            *self.own_columns,
            *((spec.column, types.get(spec.kind, "varchar")) for spec in self.fields),
            ("extra", "varchar"),
        ]

    def statements(self) -> Iterator[str]:
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        yield f"create table {self.name} ({columns})"


@dataclass(frozen=True)
class Description:
    """The meaning of a staged table, and of its columns by name."""

    comment: str
    columns: Mapping[str, str]


def describe(comment: str, fields: Sequence[FieldSpec], own_columns: Mapping[str, str]) -> Description:
    """The description of a table that has `own_columns` (name and meaning) and a column per field."""
    of_fields = {spec.column: f"{spec.vendor}, as the system sent it." for spec in fields}
    return Description(comment, {**own_columns, **of_fields})


@dataclass(frozen=True)
class DatabaseSchema:
    """The tables and views of a channel's working file, in addition to those of every channel.

    `systems` holds the names of the systems; `row_words` names one row of each flow, for example "size".
    `descriptions` are those of the staged tables, by name with the schema.
    """

    systems: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    mirrors: Mapping[str, Mirror] = field(default_factory=dict)
    views: tuple[View, ...] = ()
    row_words: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, Description] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A digest that changes with the declaration."""
        return hashlib.blake2s(repr(self).encode(), digest_size=8).hexdigest()


def columns(text: str) -> tuple[Column, ...]:
    """Parses one column per line: `name type | meaning`."""
    parsed = []
    for line in filter(None, map(str.strip, text.splitlines())):
        declared, _, comment = line.partition("|")
        name, _, kind = declared.strip().partition(" ")
        parsed.append(Column(name, kind.strip(), comment.strip()))
    return tuple(parsed)


def warning_table(system: str, title: str) -> Table:
    """The table for findings that do not withhold a row, of the flows that write to the system."""
    return Table(
        f"out_{system}.warnings",
        f"Findings that do not withhold a row, of the newest run of each flow that writes to {title}.",
        columns(WARNINGS),
    )


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def all_statements(parts: Iterable[Table | View]) -> Iterator[str]:
    for part in parts:
        yield from part.statements()


WARNINGS = """
    flow varchar | The flow.
    key varchar | The row's key in the target.
    source_id varchar | The row's id on the source side.
    code varchar | The combined code, or the reference of an order.
    rule varchar | The rule that it concerns.
    field varchar | The field that it concerns.
    value varchar | The field's value.
    message varchar | The finding.
    fix varchar | What to do.
    fix_in varchar | Where to do it.
"""
