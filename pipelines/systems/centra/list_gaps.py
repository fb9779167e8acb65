"""Sizes that one of Centra's two lists shows and the other does not.

A list is no snapshot: a row that leaves while it is paged moves those behind it forward, and one of them slips
through between two pages. A size that is not seen could hide that its code is made twice, so what the stock list
shows beside the products is asked for one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from pipelines.state.staging import Interruptible, stage
from pipelines.state.store import Store
from pipelines.systems.centra.client import CentraClient

log = logging.getLogger(__name__)

MAX_LOOKUPS = 250  # more are no row that slipped through: the lists differ for a reason of their own
MAX_EXAMPLES = 10


def known_gaps(store: Store) -> set[str]:
    """Before changes are merged: sizes that only the stock list shows, and that are not among the changes. What is
    among them is asked for even if a run that died had merged it already."""
    changed = store.connection.execute("select distinct stock_item_id from raw_centra_changes.stock").fetchall()
    return set(_only_in(store, "stock", "products")) - {row[0] for row in changed}


def backfill_missing(
    store: Store, client: CentraClient, reading: Interruptible, known: Collection[str] = ()
) -> dict[str, Any]:
    """Asks for the sizes that only the stock list shows; what was found, and what one list alone still shows.

    Those that are `known` to be one-sided are not asked for again.
    """
    from pipelines.systems.centra.source import sizes

    missing = [own for own in _only_in(store, "stock", "products") if own not in known]
    asked = missing if len(missing) <= MAX_LOOKUPS else []
    if asked:
        log.warning("sizes in the stock list only, asked for one by one: %d", len(asked))
        stage(lambda: sizes(client, asked), "centra", store.folder.dlt, store.connection, reading)
    left = _only_in(store, "stock", "products")
    unstocked = _only_in(store, "products", "stock")
    return {
        "filled": len(set(missing) - set(left)),
        "only_in_stock": {"count": len(left), "first": left[:MAX_EXAMPLES]},
        "only_in_products": {"count": len(unstocked), "first": unstocked[:MAX_EXAMPLES]},
    }


def _only_in(store: Store, here: str, there: str) -> list[str]:
    rows = store.connection.execute(
        f"select distinct stock_item_id from raw_centra.{here} where stock_item_id not in "
        f"(select stock_item_id from raw_centra.{there}) order by length(stock_item_id), stock_item_id"
    ).fetchall()
    return [row[0] for row in rows]


def describe_list_gaps(found: Mapping[str, Any]) -> list[str]:
    """The findings about the two lists in sentences; none where they agree."""
    lines = []
    if found.get("filled"):
        lines.append(
            f"{found['filled']} sizes were in Centra's stock list only, because rows moved while the products were "
            "read; they were asked for one by one and are complete."
        )
    for name, words in (("stock", "the stock list, not the product list"), ("products", "the product list, not stock")):
        one_sided = found.get(f"only_in_{name}", {"count": 0})
        if one_sided["count"]:
            lines.append(
                f"{one_sided['count']} sizes are in {words} of Centra, the first: {', '.join(one_sided['first'])}."
            )
    return lines
