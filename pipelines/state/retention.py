"""Personal data in the working file: only what open orders need, and not for long."""

from __future__ import annotations

from pipelines.state.store import Store
from schemas.fields.centra_orders import PERSONAL

TABLES = ("raw_centra.shipments", "raw_centra.orders")


def forget_destinations(store: Store, before: str) -> None:
    """Takes the digests of whom orders went to out of plans that are older than the run id `before`."""
    store.connection.execute(
        """update sync.changes set after = json_merge_patch(after, '{"destination": null}')
        where flow = 'orders' and run_id < ? and json_extract_string(after, '$.destination') is not null""",
        [before],
    )


def blank(store: Store, before: str | None) -> None:
    """Blanks what says something of a person in orders placed before that moment (as Centra writes it); None: in all.

    An order without a date that can be compared is blanked too.
    """
    there = {
        f"{schema}.{name}"
        for schema, name in store.connection.execute(
            "select table_schema, table_name from information_schema.tables where table_schema = 'raw_centra'"
        ).fetchall()
    }
    blanks = ", ".join(f'"{column}" = null' for column in PERSONAL)
    for table in sorted(there.intersection(TABLES)):
        store.connection.execute(
            f"update {table} set {blanks} where $before::varchar is null or order_date is null or order_date < $before",
            {"before": before},
        )
