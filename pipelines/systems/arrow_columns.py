"""Converts rows of JSON to Arrow columns, one column at a time; only a column of mixed types is converted by cell."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import chain
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.core.errors import ContractError
from pipelines.core.json_codec import DuplicateKeyValue, encode
from pipelines.core.logs import redact
from pipelines.systems.unreadable_rows import as_list
from schemas.fields.spec import MISSING, FieldSpec, Kind

CONTRACT_FIX = "Nothing was written. The system's answer has changed: show this message to its support and to us."
_MISSING = object()
_ARROW: dict[Kind, pa.DataType] = {
    "id": pa.string(),
    "text": pa.string(),
    "number": pa.string(),
    "integer": pa.int64(),
    "flag": pa.bool_(),
    "texts": pa.string(),
    "json": pa.string(),
}
_NUMBER = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?\s*", re.ASCII)
_FLAGS = {0: False, 1: True, "0": False, "1": True, "true": True, "false": False}


@dataclass
class Findings:
    """Anomalies in a source's rows that do not stop the run."""

    unknown: dict[str, str] = field(default_factory=dict)  # field -> the first row that has it
    type_mismatches: dict[str, str] = field(default_factory=dict)  # field of an unexpected type -> the first such row
    repeated: int = 0
    repaired: int = 0  # cells with characters that a text column cannot hold

    def facts(self) -> dict[str, Any]:
        """The findings in the format of `sync.runs`."""
        return {
            "unknown_fields": dict(sorted(self.unknown.items())),
            "odd_fields": dict(sorted(self.type_mismatches.items())),
            "repeated_rows": self.repeated,
            "mended_cells": self.repaired,
        }


RowLabel = Callable[[int], str]  # describes row number i of a batch in a message
Mismatches = dict[int, dict[str, Any]]  # row number -> vendor key -> a value that its column cannot hold


def schema(fields: Sequence[FieldSpec], *, extra: bool = True) -> pa.Schema:
    """The columns of a staged table; with `extra`, a last column for unknown fields."""
    columns = [pa.field(f.column, _ARROW[f.kind], nullable=f.nullable) for f in fields]
    return pa.schema([*columns, *([pa.field("extra", pa.string())] if extra else [])])


def table(
    rows: list[dict[str, Any]],
    fields: Sequence[FieldSpec],
    row_label: RowLabel,
    findings: Findings,
    known: frozenset[str] | None = None,
    mismatches: Mismatches | None = None,
) -> pa.Table:
    """One Arrow table with a column per field and `extra`. Raises ContractError, which names field and row.

    `known` are vendor keys that no field mirrors and that are not reported as unknown. `mismatches` are values of an
    unexpected type that the caller has already found.
    """
    mismatches = {} if mismatches is None else mismatches
    columns = [
        _column(cells, f, row_label, findings, mismatches)
        for f, cells in zip(fields, _cells(rows, fields, row_label), strict=True)
    ]
    known = (known or frozenset()) | {f.vendor for f in fields}
    return pa.Table.from_arrays([*columns, _extra(rows, known, row_label, findings, mismatches)], schema=schema(fields))


def _cells(rows: list[dict[str, Any]], fields: Sequence[FieldSpec], row_label: RowLabel) -> list[Sequence[Any]]:
    """One sequence of cells per field, with `_MISSING` where a row has no such key."""
    if not rows:
        return [() for _ in fields]
    keys = [f.vendor for f in fields]
    try:
        columns = zip(*map(itemgetter(*keys), rows), strict=True) if len(keys) > 1 else [[r[keys[0]] for r in rows]]
        return list(columns)
    except KeyError:
        return [[row.get(key, _MISSING) for row in rows] for key in keys]


def _column(
    cells: Sequence[Any], field: FieldSpec, row_label: RowLabel, findings: Findings, mismatches: Mismatches
) -> pa.Array:
    kind = field.kind
    try:
        column = _column_of_lists(cells, kind) if kind in ("texts", "json") else _cast(pa.array(cells), kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, RecursionError):
        column = None
    if column is not None:
        return column
    convert = _CONVERT[kind]
    out = []
    for index, cell in enumerate(cells):
        missing = cell is _MISSING and field.required
        if missing and field.on_type_mismatch == "stop":
            raise ContractError(f"{row_label(index)} lacks the required field {field.vendor!r}.", CONTRACT_FIX)
        cell = None if cell is _MISSING else cell
        value: Any
        try:
            if missing:
                raise ValueError
            value = convert(cell)
        except (ValueError, TypeError, InvalidOperation, OverflowError):
            if field.on_type_mismatch == "stop":
                raise ContractError(
                    f"{row_label(index)}: field {field.vendor!r} is {brief(cell)}, but must be {_KIND_IN_WORDS[kind]}.",
                    CONTRACT_FIX,
                ) from None
            value = _substitute(cell, kind)
            if cell is not None or field.required:
                findings.type_mismatches.setdefault(field.vendor, row_label(index))
                if kind != "number" or field.on_type_mismatch == "withhold":
                    mismatches.setdefault(index, {})[field.vendor] = MISSING if missing else cell
        if isinstance(value, str) and not storable(value):
            findings.repaired += 1
            value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        out.append(value)
    return pa.array(out, _ARROW[kind])


def _cast(array: pa.Array, kind: Kind) -> pa.Array | None:
    """`array` in the column's type if all its values have one type that can be cast safely; else None."""
    never_null = kind in ("id", "integer", "flag")
    if never_null and array.null_count:
        return None
    if pa.types.is_null(array.type) and not never_null:
        return array.cast(pa.string())
    if kind == "id" and pa.types.is_string(array.type):
        return None if pc.any(pc.equal(array, "")).as_py() else array
    if kind in ("text", "number") and pa.types.is_string(array.type):
        return array
    if kind in ("id", "text", "number") and pa.types.is_int64(array.type):
        return array.cast(pa.string())
    if kind == "integer" and pa.types.is_int64(array.type):
        return array
    if kind == "flag" and pa.types.is_boolean(array.type):
        return array
    if kind == "flag" and pa.types.is_int64(array.type) and pc.min_max(array).as_py() in _ZERO_ONE:
        return array.cast(pa.bool_())
    return None


def _column_of_lists(cells: Sequence[Any], kind: Kind) -> pa.Array | None:
    """The column if every cell is a list of texts (for `json`: an empty list); else None.

    Sizes share their lists, so each distinct list is encoded once.
    """
    if set(map(type, cells)) != {list}:
        return None
    if kind == "json":
        return None if any(cells) else pa.nulls(len(cells), pa.string())
    keys = [*map(tuple, cells)]
    distinct = set(keys)
    if {*map(type, chain.from_iterable(distinct))} - {str}:
        return None
    encoded = {key: encode(key).decode() for key in distinct}
    return pa.array(map(encoded.__getitem__, keys), pa.string(), size=len(keys))


def _substitute(cell: Any, kind: Kind) -> str | None:
    """The cell of a column whose value has an unexpected type."""
    if kind == "number":
        return None if cell is None else _json(cell)
    return "[]" if kind == "texts" else None


_ZERO_ONE = ({"min": 0, "max": 0}, {"min": 0, "max": 1}, {"min": 1, "max": 1})


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        raise TypeError
    if isinstance(cell, int):
        return str(cell)
    if cell in ([], {}):  # PHP encodes an empty map as []
        return None
    raise TypeError


def _id(cell: Any) -> str:
    text = _text(cell)
    if not text:
        raise ValueError
    return text


def _integer(cell: Any) -> int:
    if isinstance(cell, bool) or not isinstance(cell, int | str):
        raise TypeError
    if isinstance(cell, str) and not _NUMBER.fullmatch(cell):  # Decimal also accepts 1_000 and digits of any script
        raise ValueError
    number = Decimal(cell)
    if (
        not number.is_finite()
        or number.adjusted() > 18
        or number != (integer := int(number))
        or abs(integer) >= 1 << 63
    ):
        raise ValueError
    return integer


def _flag(cell: Any) -> bool:
    if not isinstance(cell, bool | int | str):
        raise TypeError
    known = _FLAGS.get(cell.casefold() if isinstance(cell, str) else cell)
    if known is None:
        raise ValueError
    return known


def _texts(cell: Any) -> str:
    if cell in (None, "", {}):
        return "[]"
    items = as_list(cell)
    if items is None or not all(isinstance(item, str) for item in items):
        raise TypeError
    return _json(items)


def _json(cell: Any) -> str:
    try:
        return encode(cell).decode()
    except UnicodeEncodeError:
        return encode(_repaired(cell)).decode()
    except RecursionError:
        return encode(brief(cell)).decode()


def _repaired(cell: Any) -> Any:
    if isinstance(cell, str):
        return cell.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(cell, list):
        return [_repaired(item) for item in cell]
    if isinstance(cell, dict):
        return {_repaired(key): _repaired(item) for key, item in cell.items()}
    if isinstance(cell, DuplicateKeyValue):
        return DuplicateKeyValue(tuple(map(_repaired, cell.given_more_than_once)))
    return cell


_CONVERT: dict[Kind, Callable[[Any], Any]] = {
    "id": _id,
    "text": _text,
    "number": _text,
    "integer": _integer,
    "flag": _flag,
    "texts": _texts,
    "json": lambda cell: None if cell in (None, [], {}) else _json(cell),
}
_KIND_IN_WORDS: dict[Kind, str] = {
    "id": "an identifier (text or integer)",
    "text": "text",
    "number": "a number",
    "integer": "an integer",
    "flag": "a flag (0, 1, true or false)",
    "texts": "a list of texts",
    "json": "JSON",
}


def storable(value: str) -> bool:
    """Whether a text column can hold `value`: lone surrogates cannot be encoded."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother, _REPR.maxlong = 3, 72, 72, 72


def brief(cell: Any) -> str:
    """A value for a message: one line of at most 80 characters, secrets masked."""
    return redact(_REPR.repr(redact(cell) if isinstance(cell, str) else cell))[:80]  # masked before the cut


def _extra(
    rows: list[dict[str, Any]],
    known: frozenset[str],
    row_label: RowLabel,
    findings: Findings,
    mismatches: Mismatches,
) -> pa.Array:
    """Per row, the unknown fields and the values of an unexpected type as one JSON object; null if there are none."""
    unknown = set(chain.from_iterable(rows)) - known
    if not unknown and not mismatches:
        return pa.nulls(len(rows), pa.string())
    for name in sorted(unknown - findings.unknown.keys()):
        findings.unknown[_repaired(name)] = row_label(next(i for i, row in enumerate(rows) if name in row))
    out = []
    for index, row in enumerate(rows):
        raw = {key: row[key] for key in unknown & row.keys()} | mismatches.get(index, {})
        out.append(_json(dict(sorted(raw.items()))) if raw else None)
    return pa.array(out, pa.string())
