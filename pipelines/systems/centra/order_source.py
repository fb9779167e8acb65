"""dlt source of Centra's open shipments and recent orders, with their lines. Stages only the fields that flows need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import dlt
import pandas as pd
import pyarrow as pa

from pipelines.systems.arrow_columns import Findings, Mismatches, brief, schema, table
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders
from pipelines.systems.masked_values import masked, with_masked_extra
from pipelines.systems.unreadable_rows import as_list
from schemas.fields.centra_orders import (
    COMPLETED,
    CONTENTS_KEY,
    LINES,
    LINES_KEY,
    NOTE_KEY,
    ORDERS,
    PERSONAL_KEYS,
    SHIPMENTS,
    SHIPPING_TERMS_KEY,
    WAREHOUSES_KEY,
)
from schemas.fields.spec import UNREADABLE, FieldSpec

Rows = list[dict[str, Any]]
NOTES = "notes"


@dlt.source(name="centra_orders", max_table_nesting=0)
def centra_orders(
    client: CentraClient, findings: Findings, since: datetime, personal_tables: frozenset[str] = frozenset()
) -> Any:
    """Resources `shipments` (good to go, not sent) with `shipment_lines`, `completed_shipments` (created after `since`,
    UTC), and `orders` (placed after `since`) with `order_lines`. Personal data is staged only in the tables
    `personal_tables`, the customers' notes only if it also has NOTES.
    """
    orders = CentraOrders(client)
    newer = {"newer_than": client.format_time(since)}

    @dlt.resource(selected=False)
    def shipment_pages() -> Iterator[Rows]:
        # Without a date filter: shipments that have waited for a long time must be read too.
        yield from _at_least_one(
            orders.rows("/shipments", "shipments", "shipmentId", {"status": "goodtogo"}, confirm_empty=True)
        )

    @dlt.resource(selected=False)
    def order_pages() -> Iterator[Rows]:
        yield from _at_least_one(orders.rows("/orders", "orders", "orderId", newer, confirm_empty=True))

    @dlt.resource(write_disposition="replace")
    def completed_shipments() -> Iterator[pa.Table]:
        completed = {"status": "completed"} | newer
        for rows in _at_least_one(orders.rows("/shipments", "shipments", "shipmentId", completed, confirm_empty=True)):
            yield _completed(rows, findings)

    def private(table: str) -> frozenset[str]:
        """The vendor's names of the personal fields that are staged in the table."""
        if table not in personal_tables:
            return frozenset()
        return PERSONAL_KEYS if NOTES in personal_tables else PERSONAL_KEYS - {NOTE_KEY}

    return (
        shipment_pages,
        *_tables("shipment", shipment_pages, SHIPMENTS, findings, private("shipments")),
        order_pages,
        *_tables("order", order_pages, ORDERS, findings, private("orders")),
        completed_shipments,
    )


@dlt.source(name="centra_orders", max_table_nesting=0)
def completed_shipments_of(client: CentraClient, order_ids: Sequence[str]) -> Any:
    """`completed_shipments` of these orders, appended to the staged rows."""

    @dlt.resource(write_disposition="append")
    def completed_shipments() -> Iterator[pa.Table]:
        orders = CentraOrders(client)
        yield _completed([row for order in order_ids for row in orders.shipments_of(order, "completed")], Findings())

    return completed_shipments


@dlt.source(name="centra_orders", max_table_nesting=0)
def orders_with_numbers(client: CentraClient, order_ids: Sequence[str]) -> Any:
    """`orders` with these numbers and their `order_lines`, appended to the staged rows, without personal data. Orders
    that the plugin's settings hide, for example those on hold, are skipped."""

    @dlt.resource(selected=False)
    def order_pages() -> Iterator[Rows]:
        orders = CentraOrders(client)
        yield [row for order in order_ids for row in orders.orders_with_number(order)]

    return order_pages, *_tables("order", order_pages, ORDERS, Findings(), frozenset(), write_disposition="append")


def _completed(rows: Rows, findings: Findings) -> pa.Table:
    rows = [row for row in rows if not str(row["shipmentId"]).startswith(UNREADABLE)]
    return known_fields_table(
        rows, COMPLETED, lambda index: f"Centra shipment {brief(rows[index].get('shipmentId'))}", findings
    )


def _tables(
    what: str,
    pages: Any,
    fields: tuple[FieldSpec, ...],
    findings: Findings,
    personal_fields: frozenset[str],
    write_disposition: Literal["replace", "append"] = "replace",
) -> tuple[Any, Any]:
    id_key = f"{what}Id"
    excluded = PERSONAL_KEYS - personal_fields

    @dlt.transformer(name=f"{what}s", data_from=pages, write_disposition=write_disposition)
    def rows_of(rows: Rows) -> Iterator[pa.Table]:
        rows = [{key: value for key, value in row.items() if key not in excluded} for row in rows]
        yield known_fields_table(
            rows, fields, lambda index: f"Centra {what} {brief(rows[index].get(id_key))}", findings, LINES_KEY
        )

    @dlt.transformer(name=f"{what}_lines", data_from=pages, write_disposition=write_disposition)
    def lines_of(rows: Rows) -> Iterator[pa.Table]:
        yield line_table(rows, id_key, findings)

    return rows_of, lines_of


def frames_of(
    row: dict[str, Any], table: Literal["shipments", "orders"], *, with_note: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One shipment or order with its personal data, and its lines, with the columns of the staged tables. `source_id`
    is the id of the row in both frames."""
    what = table[:-1]
    id_key, fields = f"{what}Id", SHIPMENTS if table == "shipments" else ORDERS
    if not with_note:
        row = {key: value for key, value in row.items() if key != NOTE_KEY}
    rows = known_fields_table([row], fields, lambda _: f"Centra {what} {brief(row.get(id_key))}", Findings(), LINES_KEY)
    lines = line_table([row], id_key, Findings()).to_pandas()
    id_column = f"{what}_id"
    frame = rows.to_pandas()
    return frame.assign(source_id=frame[id_column]), lines.rename(columns={id_column: "source_id"})


def known_fields_table(
    rows: Rows, fields: tuple[FieldSpec, ...], row_label: Any, findings: Findings, lines_key: str = ""
) -> pa.Table:
    """The known fields only, because unknown fields may contain personal data.

    `extra` names the fields with an unexpected type, `lines_key` among them. Values that are or may contain personal
    data are replaced by "?".
    """
    unreadable: Mismatches = {
        index: {lines_key: _type_in_words(row[lines_key])}
        for index, row in enumerate(rows)
        if lines_key in row and _objects(row[lines_key]) is None
    }
    for index in unreadable:
        findings.type_mismatches.setdefault(lines_key, row_label(index))
    picked = [_picked(row, fields) for row in rows]
    return with_masked_extra(table(picked, fields, row_label, findings, mismatches=unreadable), PERSONAL_KEYS)


def _picked(row: dict[str, Any], fields: tuple[FieldSpec, ...]) -> dict[str, Any]:
    """The row's known fields. One whose column would hold an object or a list has a mask instead, unless flows need
    it."""
    picked = {}
    for field in fields:
        if field.vendor in row:
            value = row[field.vendor]
            if field.vendor in _OBJECTS:
                value = _OBJECTS[field.vendor](value)
            elif field.kind in ("json", "number"):  # such a column holds any value as text
                value = masked(value)
            picked[field.vendor] = value
    return picked


def _shipping_terms(value: Any) -> Any:
    return {"name": masked(value.get("name"))} if isinstance(value, dict) else masked(value)


def _warehouses(value: Any) -> Any:
    entries = as_list(value)
    if entries is None or not all(isinstance(entry, dict) for entry in entries):
        return masked(value)
    return [{key: masked(entry[key]) for key in ("name", "itemQty") if key in entry} for entry in entries]


# What flows need of the fields that are objects or lists.
_OBJECTS: dict[str, Callable[[Any], Any]] = {SHIPPING_TERMS_KEY: _shipping_terms, WAREHOUSES_KEY: _warehouses}


def line_table(rows: Rows, id_key: str, findings: Findings) -> pa.Table:
    """One row per line and per line inside a bundle line (`inside` is the bundle line's position). The id of the order
    or shipment precedes the fields. Lines that are not a list of objects are left out: the row that they belong to says
    so in its `extra`, for the contents of a bundle line the line does."""
    source_ids: list[str] = []
    inside: list[int | None] = []
    flat: Rows = []
    unreadable: Mismatches = {}
    for row in rows:
        for line in _objects(row.get(LINES_KEY)) or ():
            position = len(flat)
            source_ids.append(str(row[id_key]))
            inside.append(None)
            flat.append(line)
            contents = _objects(line.get(CONTENTS_KEY) or None)
            if contents is None:
                unreadable[position] = {CONTENTS_KEY: _type_in_words(line[CONTENTS_KEY])}
                contents = []
            source_ids += [str(row[id_key])] * len(contents)
            inside += [position] * len(contents)
            flat += contents
    picked = [_picked(line, LINES) for line in flat]

    def label(index: int) -> str:
        return f"Centra {id_key[:-2]} {source_ids[index]}, a line"

    values = with_masked_extra(table(picked, LINES, label, findings, mismatches=unreadable))
    id_field = pa.field(f"{id_key[:-2]}_id", pa.string(), nullable=False)
    position_field = pa.field("position", pa.int64())
    return pa.Table.from_arrays(
        [pa.array(source_ids, pa.string()), pa.array(range(len(flat)), pa.int64()), pa.array(inside, pa.int64()),
         *values.columns],
        schema=pa.schema([id_field, position_field, pa.field("inside", pa.int64()), *schema(LINES)]),
    )  # fmt: skip


def _objects(value: Any) -> Rows | None:
    """`value` as a list of objects; None if it is none. Null, `""` and an empty map mean an empty list."""
    objects = [] if value is None or value == "" else as_list(value)
    return objects if objects is not None and all(isinstance(one, dict) for one in objects) else None


def _type_in_words(value: object) -> str:
    """The type of a value that may contain personal data, which is not kept."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list that does not hold objects only"
    return "a text" if isinstance(value, str) else "a number or a flag"


def _at_least_one(pages: Iterator[Rows]) -> Iterator[Rows]:
    """The pages, or one empty page for an empty list: staging an empty page clears the tables."""
    any_page = False
    for page in pages:
        any_page = True
        yield page
    if not any_page:
        yield []
