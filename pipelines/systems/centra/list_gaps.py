"""Sizes that only one of Centra's two lists contains.

A list is not a snapshot: if a row is removed during paging, the rows behind it move forward, and one of them can be
missed between two pages. A missed size could hide that two sizes have the same code, so sizes that only the stock list
contains are read one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from pipelines.state.staging import Interruptible, stage
from pipelines.state.store import Store
from pipelines.systems.centra.client import CentraClient
from schemas.fields.spec import UNREADABLE

log = logging.getLogger(__name__)

MAX_LOOKUPS = 250  # more missing sizes are not due to paging: the lists differ for another reason
MAX_EXAMPLES = 10


def known_gaps(store: Store) -> set[str]:
    """Sizes that only the stock list contains and that are not among the changes; called before changes are merged.

    Sizes among the changes are looked up again, even if a run that crashed had merged them already.
    """
    changed = store.connection.execute("select distinct stock_item_id from raw_centra_changes.stock").fetchall()
    return set(_only_in(store, "stock", "products")) - {row[0] for row in changed}


def backfill_missing(
    store: Store, client: CentraClient, reading: Interruptible, known: Collection[str] = ()
) -> dict[str, Any]:
    """Reads the sizes that only the stock list contains. Returns how many were found, and the sizes that still only one
    list contains.

    The sizes in `known` are not read again.
    """
    from pipelines.systems.centra.source import sizes

    missing = [size for size in _only_in(store, "stock", "products") if size not in known]
    looked_up = missing if len(missing) <= MAX_LOOKUPS else []
    if looked_up:
        log.warning("sizes in the stock list only, read one by one: %d", len(looked_up))
        stage(lambda: sizes(client, looked_up), "centra", store.folder.dlt, store.connection, reading)
    only_in_stock = _only_in(store, "stock", "products")
    only_in_products = _only_in(store, "products", "stock")
    return {
        "filled": len(set(missing) - set(only_in_stock)),
        "only_in_stock": {"count": len(only_in_stock), "first": only_in_stock[:MAX_EXAMPLES]},
        "only_in_products": {"count": len(only_in_products), "first": only_in_products[:MAX_EXAMPLES]},
    }


def _only_in(store: Store, here: str, there: str) -> list[str]:
    rows = store.connection.execute(
        f"select distinct stock_item_id from raw_centra.{here} where stock_item_id not in "
        f"(select stock_item_id from raw_centra.{there}) and not starts_with(stock_item_id, '{UNREADABLE}') "
        "order by length(stock_item_id), stock_item_id"
    ).fetchall()
    return [row[0] for row in rows]


def describe_list_gaps(findings: Mapping[str, Any]) -> list[str]:
    """The findings about the two lists as sentences; empty if the lists agree."""
    lines = []
    if findings.get("filled"):
        lines.append(
            f"{findings['filled']} sizes were in Centra's stock list only, because rows moved while the products were "
            "read; they were read one by one and are complete."
        )
    for name, place in (("stock", "the stock list, not the product list"), ("products", "the product list, not stock")):
        one_sided = findings.get(f"only_in_{name}", {"count": 0})
        if one_sided["count"]:
            lines.append(
                f"{one_sided['count']} sizes are in {place} of Centra, the first: {', '.join(one_sided['first'])}."
            )
    return lines
