"""dlt source of Centra's open shipments and recent orders, with their lines. Only what a flow needs is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa

from pipelines.core.errors import ContractError
from pipelines.core.json_codec import decode, encode
from pipelines.systems.arrow_columns import CONTRACT_FIX, Findings, brief, schema, table
from pipelines.systems.centra.client import CentraClient
from pipelines.systems.centra.order_client import CentraOrders
from schemas.fields.centra_orders import COMPLETED, CONTENTS_KEY, LINES, LINES_KEY, ORDERS, PERSONAL, SHIPMENTS
from schemas.fields.spec import FieldSpec

Rows = list[dict[str, Any]]


@dlt.source(name="centra_orders", max_table_nesting=0)
def centra_orders(
    client: CentraClient, findings: Findings, since: datetime, people: frozenset[str] = frozenset()
) -> Any:
    """Resources `shipments` (good to go and unsent) with `shipment_lines`, `completed_shipments` (those made after
    `since`, UTC) and `orders` (placed after it) with `order_lines`. What says something of a person is staged of the
    tables in `people` only.
    """
    orders = CentraOrders(client)
    newer = {"newer_than": client.moment(since)}

    @dlt.resource(selected=False)
    def shipment_pages() -> Iterator[Rows]:
        # Whatever its date: one that has been waiting for long must not be lost from sight.
        yield from _at_least_one(
            orders.rows("/shipments", "shipments", "shipmentId", {"status": "goodtogo"}, sure=True)
        )

    @dlt.resource(selected=False)
    def order_pages() -> Iterator[Rows]:
        yield from _at_least_one(orders.rows("/orders", "orders", "orderId", newer, sure=True))

    @dlt.resource(write_disposition="replace")
    def completed_shipments() -> Iterator[pa.Table]:
        done = {"status": "completed"} | newer
        for rows in _at_least_one(orders.rows("/shipments", "shipments", "shipmentId", done, sure=True)):
            yield _completed(rows, findings)

    return (
        shipment_pages,
        *_tables("shipment", shipment_pages, SHIPMENTS, findings, "shipments" in people),
        order_pages,
        *_tables("order", order_pages, ORDERS, findings, "orders" in people),
        completed_shipments,
    )


@dlt.source(name="centra_orders", max_table_nesting=0)
def completed_of(client: CentraClient, order_ids: Sequence[str]) -> Any:
    """`completed_shipments` of these orders, added to what is there."""

    @dlt.resource(write_disposition="append")
    def completed_shipments() -> Iterator[pa.Table]:
        orders = CentraOrders(client)
        yield _completed([row for own in order_ids for row in orders.shipments_of(own, "completed")], Findings())

    return completed_shipments


def _completed(rows: Rows, findings: Findings) -> pa.Table:
    return kept(rows, COMPLETED, lambda index: f"Centra shipment {brief(rows[index].get('shipmentId'))}", findings)


def _tables(
    what: str, pages: Any, fields: tuple[FieldSpec, ...], findings: Findings, of_people: bool
) -> tuple[Any, Any]:
    own_id = f"{what}Id"
    left_out = set() if of_people else {field.vendor for field in fields if field.column in PERSONAL}

    @dlt.transformer(name=f"{what}s", data_from=pages, write_disposition="replace")
    def rows_of(rows: Rows) -> Iterator[pa.Table]:
        rows = [{key: value for key, value in row.items() if key not in left_out} for row in rows]
        yield kept(rows, fields, lambda index: f"Centra {what} {brief(rows[index].get(own_id))}", findings)

    @dlt.transformer(name=f"{what}_lines", data_from=pages, write_disposition="replace")
    def lines_of(rows: Rows) -> Iterator[pa.Table]:
        yield line_table(rows, own_id, findings)

    return rows_of, lines_of


def kept(rows: Rows, fields: tuple[FieldSpec, ...], named: Any, findings: Findings) -> pa.Table:
    """The fields we know and nothing else: what we do not know may say something of a person.

    `extra` names the fields that hold another type than ever, without their values where they are personal.
    """
    wanted = {field.vendor for field in fields}
    personal = {field.vendor for field in fields if field.column in PERSONAL}
    made = table([{k: v for k, v in row.items() if k in wanted} for row in rows], fields, named, findings)
    if not made.num_rows or made.column("extra").null_count == made.num_rows:
        return made
    told = []
    for cell in made.column("extra").to_pylist():
        odd = decode(cell.encode()) if cell else {}
        told.append(encode({k: "?" if k in personal else v for k, v in odd.items()}).decode() if odd else None)
    return made.set_column(made.schema.get_field_index("extra"), "extra", pa.array(told, pa.string()))


def line_table(rows: Rows, own_id: str, findings: Findings) -> pa.Table:
    """One row per line, and per line inside of a bundle line (`inside` is that line's position), with the owner's id
    before the fields. Raises ContractError where the lines are no list of objects."""
    owners: list[str] = []
    inside: list[int | None] = []
    flat: Rows = []
    for row in rows:
        for line in _objects(row, LINES_KEY, own_id):
            position = len(flat)
            owners.append(str(row[own_id]))
            inside.append(None)
            flat.append(line)
            contents = _objects(line | {own_id: row[own_id]}, CONTENTS_KEY, own_id) if line.get(CONTENTS_KEY) else []
            owners += [str(row[own_id])] * len(contents)
            inside += [position] * len(contents)
            flat += contents
    wanted = {field.vendor for field in LINES}
    picked = [{key: value for key, value in line.items() if key in wanted} for line in flat]
    values = table(picked, LINES, lambda index: f"Centra {own_id[:-2]} {owners[index]}, a line", findings)
    own = pa.field(f"{own_id[:-2]}_id", pa.string(), nullable=False)
    place = pa.field("position", pa.int64())
    return pa.Table.from_arrays(
        [pa.array(owners, pa.string()), pa.array(range(len(flat)), pa.int64()), pa.array(inside, pa.int64()),
         *values.columns],
        schema=pa.schema([own, place, pa.field("inside", pa.int64()), *schema(LINES)]),
    )  # fmt: skip


def _objects(row: dict[str, Any], key: str, own_id: str) -> Rows:
    found = row.get(key)
    if found in (None, "", {}):
        return []
    if isinstance(found, dict):  # a list that PHP has written with its keys
        found = list(found.values())
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ContractError(
            f"Centra {own_id[:-2]} {brief(row.get(own_id))}: field {key!r} is no list of objects.", CONTRACT_FIX
        )
    return found


def _at_least_one(pages: Iterator[Rows]) -> Iterator[Rows]:
    """An empty list is staged too: it empties the tables."""
    any_page = False
    for page in pages:
        any_page = True
        yield page
    if not any_page:
        yield []
