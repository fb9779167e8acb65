"""dlt source of Centra: products with their prices, and stock. All of them, or what changed since a moment.

The rows of `GET /products` are flat, one per size; the prices of a row become rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import dlt
import numpy as np
import pyarrow as pa

from pipelines.core.errors import ContractError, SourceError
from pipelines.core.logs import redact
from pipelines.systems.arrow_columns import CONTRACT_FIX, Findings, Mismatches, brief, schema, storable, table
from pipelines.systems.centra.client import CentraClient
from schemas.fields.centra import PRICES, PRICES_KEY, PRODUCTS, STOCK, STOCK_KNOWN

PAGES_AT_ONCE = 20  # one Arrow table per 20 pages: per page costs half as much again (measured)
Rows = list[dict[str, Any]]
_OBJECTS = frozenset({dict})


@dlt.source(name="centra", max_table_nesting=0)
def centra(client: CentraClient, findings: Findings, since: datetime | None = None) -> Any:
    """Resources `products`, `prices` and `stock`; `findings` is filled while they are read.

    With `since` (UTC), only what Centra says has changed from then on. Whether `modified` shows new rows is not
    documented, so they are asked for by `created` too.
    """
    moment = None if since is None else client.moment(since)

    @dlt.resource(selected=False)
    def product_pages() -> Iterator[Rows]:
        if moment is None:
            yield from _batches(client, "/products", findings)
        else:
            yield from _either(client, "/products", findings, [{"modified": moment}, {"created": moment}])

    products, prices = _tables(product_pages, findings, "replace")

    @dlt.resource(primary_key="stock_item_id", write_disposition="replace")
    def stock() -> Iterator[pa.Table]:
        # What product rows repeat is no news here, so it is neither mirrored nor reported.
        quiet = Findings()
        for rows in _batches(client, "/stock", quiet, None if moment is None else {"stock_modified": moment}):
            yield table(rows, STOCK, _named(rows), findings, known=STOCK_KNOWN)

    return product_pages, products, prices, stock


@dlt.source(name="centra", max_table_nesting=0)
def sizes(client: CentraClient, stock_item_ids: Sequence[str]) -> Any:
    """`products` and `prices` of these sizes alone, added to what is there; what Centra does not know is left out."""

    @dlt.resource(selected=False)
    def size_rows() -> Iterator[Rows]:
        yield [row for own in stock_item_ids for row in client.size(own)[:1]]

    return size_rows, *_tables(size_rows, Findings(), "append")


def _tables(rows_of: Any, findings: Findings, how: Any) -> tuple[Any, Any]:
    """The tables that are made of product rows."""

    @dlt.transformer(data_from=rows_of, primary_key="stock_item_id", write_disposition=how)
    def products(rows: Rows) -> Iterator[pa.Table]:
        yield product_table(rows, findings)

    @dlt.transformer(data_from=rows_of, write_disposition=how)
    def prices(rows: Rows) -> Iterator[pa.Table]:
        yield price_table(rows, findings)

    return products, prices


def product_table(rows: Rows, findings: Findings) -> pa.Table:
    """One row per size. Prices of which one is no object stay in `extra` as they came."""
    named = _named(rows)
    odd: Mismatches = {}
    for index, row in enumerate(rows):
        entries = row.get(PRICES_KEY)
        if isinstance(entries, list) and not _OBJECTS.issuperset(map(type, entries)):
            findings.type_mismatches.setdefault(PRICES_KEY, named(index))
            odd[index] = {PRICES_KEY: entries}
    return table(rows, PRODUCTS, named, findings, known=frozenset({PRICES_KEY}), odd=odd)


def price_table(rows: Rows, findings: Findings) -> pa.Table:
    """One row per object in the rows' `prices`, with `stock_item_id` and `position` before the fields."""
    named = _named(rows)
    lists = [_entries(row, named, index) for index, row in enumerate(rows)]
    counts = [len(entries) for entries in lists]
    owners = np.repeat(np.arange(len(rows)), np.array(counts, int))
    flat = list(chain.from_iterable(lists))

    def entry(index: int) -> str:
        return f"{named(int(owners[index]))}, a price"

    ids = pa.array([str(row["stockItemId"]) for row in rows], pa.string()).take(pa.array(owners))
    position = pa.array(list(chain.from_iterable(map(range, counts))), pa.int64())
    own = Findings()
    values = table(flat, PRICES, entry, own)
    findings.repaired += own.repaired
    for name, where in own.type_mismatches.items():
        findings.type_mismatches.setdefault(f"{PRICES_KEY}.{name}", where)
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


def _entries(row: dict[str, Any], named: Any, index: int) -> list[Any]:
    """The price objects of one row: null, `""` and an empty map mean none; a missing key breaks the contract."""
    if PRICES_KEY not in row:
        raise ContractError(f"{named(index)} has no field {PRICES_KEY!r}, which we rely on.", CONTRACT_FIX)
    entries = row[PRICES_KEY]
    if entries is None or entries in ("", {}):
        return []
    if not isinstance(entries, list):
        raise ContractError(
            f"{named(index)}: field {PRICES_KEY!r} is {brief(entries)}, which is no list.", CONTRACT_FIX
        )
    return entries if _OBJECTS.issuperset(map(type, entries)) else [e for e in entries if type(e) is dict]


def _named(rows: Rows) -> Any:
    def name(index: int) -> str:
        row = rows[index]
        parts = [row.get(part) for part in ("sku", "variantSku", "sizeSku")]
        code = "+".join(part if isinstance(part, str) else brief(part) for part in parts)
        return f"Centra size {brief(row.get('stockItemId')):.40} ({redact(code)!r:.80})"

    return name


def _either(client: CentraClient, path: str, findings: Findings, filters: list[dict[str, str]]) -> Iterator[Rows]:
    """The rows that pass any of the filters, each once."""
    seen: set[str] = set()
    for only in filters:
        for rows in _batches(client, path, findings, only):
            fresh = {own: row for row in rows if (own := str(row["stockItemId"])) not in seen}
            seen |= fresh.keys()
            yield [*fresh.values()]


def _batches(client: CentraClient, path: str, findings: Findings, only: dict[str, str] | None = None) -> Iterator[Rows]:
    """The rows of several pages at a time, each `stockItemId` once (a page shift shows the same row twice).

    Raises SourceError when a page brings nothing new, ContractError when a row is no object or has no id.
    """
    seen: set[object] = set()
    gathered: Rows = []
    pages = 0
    for number, rows in enumerate(client.pages(path, only), start=1):
        for index, row in enumerate(rows):
            if type(row) is not dict or not _usable_id(row.get("stockItemId")):
                raise ContractError(
                    f"Centra GET {path}: row {index + 1} of page {number} has no usable field 'stockItemId', "
                    "which we rely on.",
                    CONTRACT_FIX,
                )
        ids = [str(row["stockItemId"]) for row in rows]
        fresh = set(ids) - seen
        if not fresh:
            raise SourceError(
                f"Centra GET {path}: page {number} repeats only sizes that were already read, so paging stands still.",
                "Nothing was written. Run again; if it stays, show this to Centra's support.",
            )
        if len(fresh) < len(ids):
            findings.repeated += len(ids) - len(fresh)
            first = {own: row for own, row in zip(reversed(ids), reversed(rows), strict=True) if own in fresh}
            rows = [first[own] for own in dict.fromkeys(ids) if own in fresh]
        seen.update(ids)
        gathered += rows
        pages += 1
        if pages % PAGES_AT_ONCE == 0:
            yield gathered
            gathered = []
    if gathered or not pages:
        yield gathered  # an empty catalogue is staged too: it empties the tables


def _usable_id(value: object) -> bool:
    if isinstance(value, str):
        return value != "" and storable(value)
    return isinstance(value, int) and not isinstance(value, bool)
