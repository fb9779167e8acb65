"""dlt source of Centra: products with their prices, and stock; all of them, or the changes since a given time.

The rows of `GET /products` are flat, one per size; the prices of a row become rows of another table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

import dlt
import numpy as np
import pyarrow as pa

from pipelines.core.errors import SourceError
from pipelines.core.json_codec import NumberText
from pipelines.core.logs import redact
from pipelines.systems.arrow_columns import Findings, Mismatches, brief, schema, storable, table
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.unreadable_rows import AS_SENT, as_list, with_keys
from schemas.fields.centra import CODE_FIELDS, PRICES, PRICES_KEY, PRODUCTS, STOCK, STOCK_KNOWN
from schemas.fields.spec import MISSING
from transforms.type_mismatch import is_code_part

PAGES_AT_ONCE = 20  # one Arrow table per 20 pages; one per page takes 1.5 times as long (measured)
MAX_STORES = 10  # stores of one plugin, each of which may list the same sizes
Rows = list[dict[str, Any]]
_OBJECTS = frozenset({dict})


@dlt.source(name="centra", max_table_nesting=0)
def centra(client: CentraClient, findings: Findings, since: datetime | None = None) -> Any:
    """Resources `products`, `prices` and `stock`. Reading them fills `findings`.

    With `since` (UTC), only the rows that Centra lists as changed since then. Whether `modified` includes new rows is
    not documented, so new rows are also requested by `created`.
    """
    moment = None if since is None else client.format_time(since)

    @dlt.resource(selected=False)
    def product_pages() -> Iterator[Rows]:
        if moment is None:
            yield from _batches(client, "/products", findings)
        else:
            yield from _either(client, "/products", findings, [{"modified": moment}, {"created": moment}])

    products, prices = _tables(product_pages, findings, "replace")

    @dlt.resource(primary_key="stock_item_id", write_disposition="replace")
    def stock() -> Iterator[pa.Table]:
        # `findings.repeated` counts product rows.
        ignored = Findings()
        for rows in _batches(client, "/stock", ignored, None if moment is None else {"stock_modified": moment}):
            yield stock_table(rows, findings)

    return product_pages, products, prices, stock


@dlt.source(name="centra", max_table_nesting=0)
def sizes(client: CentraClient, stock_item_ids: Sequence[str]) -> Any:
    """`products` and `prices` of these sizes, appended to the staged rows. Sizes that Centra lacks are skipped."""

    @dlt.resource(selected=False)
    def size_rows() -> Iterator[Rows]:
        yield [row for size in stock_item_ids for row in client.size(size)]

    return size_rows, *_tables(size_rows, Findings(), "append")


def _tables(rows_of: Any, findings: Findings, disposition: Any) -> tuple[Any, Any]:
    """The tables built from product rows."""

    @dlt.transformer(data_from=rows_of, primary_key="stock_item_id", write_disposition=disposition)
    def products(rows: Rows) -> Iterator[pa.Table]:
        yield product_table(rows, findings)

    @dlt.transformer(data_from=rows_of, write_disposition=disposition)
    def prices(rows: Rows) -> Iterator[pa.Table]:
        yield price_table(rows, findings)

    return products, prices


def product_table(rows: Rows, findings: Findings) -> pa.Table:
    """One row per size. `extra` keeps unchanged what cannot be read, and `prices` that are not a list of objects.

    `extra` also keeps the parts of a code that came as integers: they may have lost leading zeros. A row with a part
    that is missing, or neither text nor integer, has no code at all, because 1.5 may have been any text, and the rest
    of the code is another code: its parts are null, and `extra` keeps them unchanged.
    """
    row_label = _row_label(rows)
    mismatches = _mismatched_keys(rows, findings)
    rows = _with_usable_codes(rows, mismatches, row_label, findings)
    for index, row in enumerate(rows):
        if (entries := _unreadable_prices(row)) is not _READABLE:
            findings.type_mismatches.setdefault(PRICES_KEY, row_label(index))
            mismatches.setdefault(index, {})[PRICES_KEY] = entries
    known = frozenset({PRICES_KEY, AS_SENT})
    return _with_copies(table(rows, PRODUCTS, row_label, findings, known, mismatches))


def stock_table(rows: Rows, findings: Findings) -> pa.Table:
    """One row per size."""
    mismatches = _mismatched_keys(rows, findings)
    return _with_copies(table(rows, STOCK, _row_label(rows), findings, STOCK_KNOWN | {AS_SENT}, mismatches))


def _with_copies(rows: pa.Table) -> pa.Table:
    """The table with a column `copies`, which counts the rows that Centra sent for one size; each row is one here."""
    return rows.add_column(0, "copies", pa.array([1] * rows.num_rows, pa.int64()))


def _mismatched_keys(rows: Rows, findings: Findings) -> Mismatches:
    """The ids that cannot be used, by row."""
    found: Mismatches = {}
    for index, row in enumerate(rows):
        if AS_SENT in row:
            findings.type_mismatches.setdefault("stockItemId", _row_label(rows)(index))
            found[index] = {"stockItemId": row[AS_SENT]}
    return found


_READABLE = object()


def _unreadable_prices(row: dict[str, Any]) -> Any:
    """The row's `prices` if they are not a list of objects, MISSING if it has none; _READABLE for a list of objects,
    and for null, `""` and an empty map, which mean no prices."""
    entries = row.get(PRICES_KEY, _READABLE)
    if entries is _READABLE:
        return MISSING
    if entries is None or entries == "":
        return _READABLE
    items = as_list(entries)
    return _READABLE if items is not None and _OBJECTS.issuperset(map(type, items)) else entries


def _with_usable_codes(rows: Rows, mismatches: Mismatches, row_label: Any, findings: Findings) -> Rows:
    """`rows` without the parts of codes that cannot be read; `mismatches` gets those and the integers."""
    usable = []
    for index, row in enumerate(rows):
        parts = {name: row[name] for name in CODE_FIELDS if type(row.get(name)) is not str and name in row}
        parts |= {name: MISSING for name in CODE_FIELDS if name not in row}
        if integers := {name: part for name, part in parts.items() if type(part) is int}:
            mismatches.setdefault(index, {}).update(integers)
        if unreadable := [name for name, part in parts.items() if not is_code_part(name, part)]:
            findings.type_mismatches.setdefault(unreadable[0], row_label(index))
            kept = {name: _as_sent(row.get(name, MISSING)) for name in CODE_FIELDS}
            mismatches.setdefault(index, {}).update(kept)
            row = row | dict.fromkeys(CODE_FIELDS)
        usable.append(row)
    return usable


def _as_sent(part: Any) -> Any:
    """A number as a number again, so that `extra` shows its type."""
    return Decimal(part) if isinstance(part, NumberText) else part


def price_table(rows: Rows, findings: Findings) -> pa.Table:
    """One row per object in the rows' `prices`, with `stock_item_id` and `position` before the fields."""
    row_label = _row_label(rows)
    lists = [_entries(row) for row in rows]
    counts = [len(entries) for entries in lists]
    row_numbers = np.repeat(np.arange(len(rows)), np.array(counts, int))
    flat = list(chain.from_iterable(lists))

    def price_label(index: int) -> str:
        return f"{row_label(int(row_numbers[index]))}, a price"

    ids = pa.array([str(row["stockItemId"]) for row in rows], pa.string()).take(pa.array(row_numbers))
    position = pa.array(list(chain.from_iterable(map(range, counts))), pa.int64())
    price_findings = Findings()
    values = table(flat, PRICES, price_label, price_findings)
    findings.repaired += price_findings.repaired
    for name, label in price_findings.type_mismatches.items():
        findings.type_mismatches.setdefault(f"{PRICES_KEY}.{name}", label)
    fields = schema(PRICES)
    return pa.Table.from_arrays(
        [ids, position, *values.columns],
        schema=pa.schema(
            [
                pa.field("stock_item_id", pa.string(), nullable=False),
                pa.field("position", pa.int64()),
                *fields,
            ]
        ),
    )


def _entries(row: dict[str, Any]) -> list[Any]:
    """The price objects of one row; none if they cannot be read as a list."""
    return [entry for entry in as_list(row.get(PRICES_KEY)) or () if type(entry) is dict]


def _row_label(rows: Rows) -> Any:
    def label(index: int) -> str:
        row = rows[index]
        parts = [row.get(part) for part in ("sku", "variantSku", "sizeSku")]
        code = "+".join(part if isinstance(part, str) else brief(part) for part in parts)
        return f"Centra size {brief(row.get('stockItemId')):.40} ({redact(code)!r:.80})"

    return label


def _either(client: CentraClient, path: str, findings: Findings, filters: list[dict[str, str]]) -> Iterator[Rows]:
    """The rows that pass any of the filters. A size that passed an earlier filter is left out of the later ones."""
    seen: set[str] = set()
    for one_filter in filters:
        passed: set[str] = set()
        for rows in _batches(client, path, findings, one_filter):
            yield [row for row in rows if str(row["stockItemId"]) not in seen]
            passed |= {str(row["stockItemId"]) for row in rows}
        seen |= passed


def _batches(
    client: CentraClient, path: str, findings: Findings, filters: dict[str, str] | None = None
) -> Iterator[Rows]:
    """The rows of several pages at a time, as Centra sent them: a size may be among them more than once.

    A row without an id, or that is not an object, gets an id made from its content. A page may have only sizes that
    were read before, because they are in another store too. Raises SourceError if it is the page before again, or if
    there are more such pages than stores explain.
    """
    seen: set[object] = set()
    gathered: Rows = []
    previous: Rows = []
    pages = repeated = 0
    for number, rows in enumerate(client.pages(path, filters), start=1):
        rows = with_keys(rows, "stockItemId", _usable_id)
        ids = [str(row["stockItemId"]) for row in rows]
        fresh = set(ids) - seen
        repeated += not fresh
        if (not fresh and rows == previous) or repeated > MAX_STORES * (number - repeated):
            raise SourceError(
                f"Centra GET {path}: page {number} has only sizes that were already read, so paging does not advance.",
                "Nothing was written. Run again; if the error persists, show this to Centra's support.",
            )
        findings.repeated += len(ids) - len(fresh)
        seen.update(ids)
        gathered += rows
        previous = rows
        pages += 1
        if pages % PAGES_AT_ONCE == 0:
            yield gathered
            gathered = []
    if gathered or not pages:
        yield gathered  # staging an empty catalogue clears the tables


def _usable_id(value: object) -> bool:
    if isinstance(value, str):
        return value != "" and storable(value)
    return isinstance(value, int) and not isinstance(value, bool)
