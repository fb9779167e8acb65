"""dlt source of Centra's open shipments and recent orders, with their lines. Stages only the fields that flows need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import dlt
import pandas as pd
import pyarrow as pa

from pipelines.core.errors import ContractError
from pipelines.core.json_codec import decode, encode
from pipelines.systems.arrow_columns import CONTRACT_FIX, Findings, brief, schema, table
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders
from schemas.fields.centra_orders import (
    COMPLETED,
    CONTENTS_KEY,
    LINES,
    LINES_KEY,
    NOTE_KEY,
    ORDERS,
    PERSONAL_KEYS,
    SHIPMENTS,
)
from schemas.fields.spec import FieldSpec

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
            rows, fields, lambda index: f"Centra {what} {brief(rows[index].get(id_key))}", findings
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
    rows = known_fields_table([row], fields, lambda _: f"Centra {what} {brief(row.get(id_key))}", Findings())
    lines = line_table([row], id_key, Findings()).to_pandas()
    id_column = f"{what}_id"
    frame = rows.to_pandas()
    return frame.assign(source_id=frame[id_column]), lines.rename(columns={id_column: "source_id"})


def known_fields_table(rows: Rows, fields: tuple[FieldSpec, ...], row_label: Any, findings: Findings) -> pa.Table:
    """The known fields only, because unknown fields may contain personal data.

    `extra` names the fields with an unexpected type; personal values are replaced by "?".
    """
    known = {field.vendor for field in fields}
    staged = table([{k: v for k, v in row.items() if k in known} for row in rows], fields, row_label, findings)
    if not staged.num_rows or staged.column("extra").null_count == staged.num_rows:
        return staged
    extra = []
    for cell in staged.column("extra").to_pylist():
        mismatches = decode(cell.encode()) if cell else {}
        masked = {k: "?" if k in PERSONAL_KEYS else v for k, v in mismatches.items()}
        extra.append(encode(masked).decode() if mismatches else None)
    return staged.set_column(staged.schema.get_field_index("extra"), "extra", pa.array(extra, pa.string()))


def line_table(rows: Rows, id_key: str, findings: Findings) -> pa.Table:
    """One row per line and per line inside a bundle line (`inside` is the bundle line's position). The id of the order
    or shipment precedes the fields. Raises ContractError if the lines are not a list of objects."""
    source_ids: list[str] = []
    inside: list[int | None] = []
    flat: Rows = []
    for row in rows:
        for line in _objects(row, LINES_KEY, id_key):
            position = len(flat)
            source_ids.append(str(row[id_key]))
            inside.append(None)
            flat.append(line)
            contents = _objects(line | {id_key: row[id_key]}, CONTENTS_KEY, id_key) if line.get(CONTENTS_KEY) else []
            source_ids += [str(row[id_key])] * len(contents)
            inside += [position] * len(contents)
            flat += contents
    known = {field.vendor for field in LINES}
    picked = [{key: value for key, value in line.items() if key in known} for line in flat]
    values = table(picked, LINES, lambda index: f"Centra {id_key[:-2]} {source_ids[index]}, a line", findings)
    id_field = pa.field(f"{id_key[:-2]}_id", pa.string(), nullable=False)
    position_field = pa.field("position", pa.int64())
    return pa.Table.from_arrays(
        [pa.array(source_ids, pa.string()), pa.array(range(len(flat)), pa.int64()), pa.array(inside, pa.int64()),
         *values.columns],
        schema=pa.schema([id_field, position_field, pa.field("inside", pa.int64()), *schema(LINES)]),
    )  # fmt: skip


def _objects(row: dict[str, Any], key: str, id_key: str) -> Rows:
    objects = row.get(key)
    if objects in (None, "", {}):
        return []
    if isinstance(objects, dict):  # PHP encodes a list with explicit keys as an object
        objects = list(objects.values())
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise ContractError(
            f"Centra {id_key[:-2]} {brief(row.get(id_key))}: field {key!r} is not a list of objects.", CONTRACT_FIX
        )
    return objects


def _at_least_one(pages: Iterator[Rows]) -> Iterator[Rows]:
    """The pages, or one empty page for an empty list: staging an empty page clears the tables."""
    any_page = False
    for page in pages:
        any_page = True
        yield page
    if not any_page:
        yield []
