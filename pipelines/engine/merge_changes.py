"""What two systems say has changed, merged into the last full stage by key: all of it in one step, or nothing."""

from __future__ import annotations

from datetime import datetime

from pipelines.engine.incremental import ROWS
from pipelines.state.store import Store
from pipelines.systems.myogo.product_target import HELD_ALREADY

SYSTEMS = ("centra", "myogo")

# Beside a full read, a product of myOGO is known by its id: a code may be held twice, and may be changed.
_MERGE_BLOCKERS = (
    (
        "myOGO lists products without an id, by which changes are merged",
        "select 1 from (select id from raw_myogo.products union all select id from raw_myogo_changes.products) "
        "where coalesce(id, '') = ''",
    ),
    (
        "the code of a product was changed in myOGO",
        "select 1 from raw_myogo_changes.products n join raw_myogo.products o using (id) where n.code <> o.code",
    ),
    (
        "something changed about a code that myOGO holds, or held, more than once",
        "select 1 from (select id, code from raw_myogo.products union select id, code from raw_myogo_changes.products) "
        "where code in (select product_code from raw_myogo_changes.stock union select code from "
        "raw_myogo_changes.products) group by code having count(*) > 1",
    ),
    (
        "what we wrote ourselves is not among myOGO's changes",
        "select 1 from sync.journal where flow = 'products' and outcome = 'applied' and ended_at >= $watermark "
        "and key not in (select code from raw_myogo_changes.products)",
    ),
    (
        "amounts that we wrote ourselves are not among Centra's changes",
        "select 1 from sync.journal j join sync.changes c using (run_id, flow, key) where j.flow = 'stock' "
        "and j.outcome = 'applied' and j.ended_at >= $watermark "
        "and c.stock_item_id not in (select stock_item_id from raw_centra_changes.stock)",
    ),
    (
        "myOGO did not hold what we had read: it lacked a product, or had one already",
        "select 1 from sync.journal where flow = 'products' and outcome = 'refused' and intended_at >= $watermark "
        f"and (status = 404 or message like '%{HELD_ALREADY}%')",
    ),
)

_MERGE = (
    *(
        f"delete from raw_centra.{table} where stock_item_id in (select stock_item_id from raw_centra_changes.{owner})"
        for table, owner in (("products", "products"), ("prices", "products"), ("stock", "stock"))
    ),
    "delete from raw_myogo.products where id in (select id from raw_myogo_changes.products)",
    "delete from raw_myogo.stock where product_code in (select product_code from raw_myogo_changes.stock)",
    *(
        f"insert into raw_{table} by name select * from raw_{table.replace('.', '_changes.')}"
        for table in ("centra.prices", *ROWS)
    ),
    # A product's row tells its stock too, yet a movement of stock need not show there as a change.
    "update raw_myogo.products p set stock = s.stock, stock_available = s.stock_available, reserved = s.reserved "
    "from raw_myogo_changes.stock s where p.code = s.product_code and p.stock is not null",
)


def why_not_mergeable(store: Store, watermark: datetime) -> str:
    """Why what was read must not be merged, in words; "" where it may.

    `watermark` (UTC) is the moment from which changes were asked for, without the overlap.
    """
    for words, query in _MERGE_BLOCKERS:
        values = {"watermark": watermark} if "$watermark" in query else {}
        if store.connection.execute(f"{query} limit 1", values).fetchall():
            return words
    return ""


def merge(store: Store) -> None:
    """Puts the changes in the place of the rows they are about; rows of the stage without a change stay."""
    with store.transaction("the changes"):
        for step in _MERGE:
            store.connection.execute(step)


def ids_with_stock_changes(store: Store) -> set[str]:
    """The sizes whose stock is among the changes."""
    rows = store.connection.execute("select distinct stock_item_id from raw_centra_changes.stock").fetchall()
    return {row[0] for row in rows}


def row_counts(store: Store) -> dict[str, int]:
    """How many rows each list of changes had."""
    return {
        table: int(
            store.connection.execute(f"select count(*) from raw_{table.replace('.', '_changes.')}").fetchall()[0][0]
        )
        for table in ROWS
    }


def drop_change_tables(store: Store) -> None:
    """Drops the tables that changes are staged in; also those a killed run left behind."""
    for system in SYSTEMS:
        for schema in (f"raw_{system}_changes", f"raw_{system}_changes_staging"):
            store.connection.execute(f"drop schema if exists {schema} cascade")
