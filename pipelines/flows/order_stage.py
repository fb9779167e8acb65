"""What the orders flow looks up in the staged tables: codes that myOGO holds, and what Centra's orders say."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipelines.config.channel import Channel
from pipelines.flows.kept_codes import CODED_SIZES, is_staged, kept_codes, old_codes, pairs_of
from pipelines.flows.order_flow import order_id_of, own_orders
from pipelines.state.store import Store
from schemas.fields.centra import CODE_PARTS, CODE_SQL
from transforms.order_lines import PickRules, is_no_goods
from transforms.orders import OrderFacts, pick_rules
from transforms.select import matches

_ORDER_COLUMNS = [
    "order_id", "total", "shipping_value", "voucher_value", "tax_added", "tax_deducted", "hold", "waiting_for_payment",
    "suspect",
]  # fmt: skip
_LINE_COLUMNS = [
    "order_id", "inside", "line_id", "quantity", "price", "tax_percent", "total_with_tax", "is_bundle",
    "part_of_bundle", *CODE_PARTS,
]  # fmt: skip


def order_facts(channel: Channel, store: Store, params: Any, live: pd.DataFrame, prefix: str) -> OrderFacts:
    """What is known about the orders from other tables. `live` are myOGO's orders with their amounts."""
    own = own_orders(live, prefix)
    own = own.assign(order_id=own["source_id"].map(order_id_of).astype("str"))
    stopped = own["status"].isin(["cancelled", "returned"])
    return OrderFacts(
        orders=store.frame("raw_centra.orders", _ORDER_COLUMNS),
        lines=store.frame("raw_centra.order_lines", _LINE_COLUMNS),
        collected=own.assign(amount=own["collects"].mask(stopped))[["order_id", "reference", "amount"]],
        not_goods_codes=not_goods_codes(store, params.not_goods),
        kept_codes=kept_codes(channel, store),
    )


def pick_rules_of(channel: Channel, store: Store, params: Any) -> PickRules:
    """The rules by which our warehouse picks; `params` are those of the orders flow."""
    return pick_rules(params, not_goods_codes(store, params.not_goods), kept_codes(channel, store))


def not_goods_codes(store: Store, patterns: tuple[str, ...]) -> frozenset[str]:
    """The codes of Centra's sizes whose category matches a pattern, as of the last read of the catalogue."""
    if not patterns or not is_staged(store, "raw_centra", "products"):
        return frozenset()
    rows = store.connection.execute(
        f"select {CODE_SQL} as code, unnest(list_append(coalesce(categories::json::varchar[], []), category_name)) "
        "as category from raw_centra.products"
    ).fetchall()
    named = pd.DataFrame(rows, columns=["code", "category"], dtype="str").dropna()
    return frozenset(named.loc[matches([named["category"]], patterns), "code"])


def unlisted_orders(store: Store, params: Any) -> list[str]:
    """The numbers of the orders of open shipments that Centra's list of recent orders does not show."""
    rows = store.connection.execute(
        "select distinct order_id from raw_centra.shipments where coalesce(order_date, '') >= ? "
        "and order_id not in (select order_id from raw_centra.orders) order by 1",
        [f"{params.starting:%Y-%m-%d}"],
    ).fetchall()
    return [order_id for (order_id,) in rows]


def unknown_codes(channel: Channel, store: Store, params: Any) -> list[str]:
    """The codes of the lines of open orders that myOGO is not known to hold, except those that are no goods, and the
    old codes of `kept_codes` for them."""
    table = params.source
    rows = store.connection.execute(
        f"select distinct {CODE_SQL} as code from raw_centra.{table[:-1]}_lines join raw_centra.{table} "
        f"using ({table[:-1]}_id) where coalesce(order_date, '') >= ? order by 1",
        [f"{params.starting:%Y-%m-%d}"],
    ).fetchall()
    codes = pd.Series([code for (code,) in rows if code], dtype="str")
    rules, known = pick_rules_of(channel, store, params), _listed_codes(store)
    pairs = pairs_of(channel)
    unknown = [code for code in codes[~is_no_goods(codes, rules)] if rules.kept_codes.get(code, code) not in known]
    return [*dict.fromkeys(one for code in unknown for one in (code, *old_codes(code, pairs)) if one not in known)]


def codes_in_myogo(store: Store) -> set[str]:
    """The codes that myOGO listed, those that we have created since, and those that were looked up for open orders."""
    return _listed_codes(store) | _codes(store, "select code from raw_myogo.ordered_products", "ordered_products")


def _listed_codes(store: Store) -> set[str]:
    created = (
        "select key from sync.journal where flow = 'products' and action = 'create' and outcome = 'applied' "
        "and run_id >= (select coalesce(max(run_id), '') from sync.reads join sync.runs using (run_id) "
        "where exit_code in (0, 3, 4))"
    )
    return _codes(store, f"select code from raw_myogo.products union {created}", "products")


def ambiguous_codes(store: Store) -> set[str]:
    """The codes in myOGO that stand for more than one size in Centra."""
    query = f"select code from {CODED_SIZES} where code <> '' group by 1 having count(*) > 1"
    return _codes(store, query, "products", schema="raw_centra")


def _codes(store: Store, query: str, table: str, schema: str = "raw_myogo") -> set[str]:
    """The codes that `query` selects, as of the last read of `table`; none if it was never read."""
    return {row[0] for row in store.connection.execute(query).fetchall()} if is_staged(store, schema, table) else set()
