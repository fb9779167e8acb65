"""Centra's sizes as products, evaluated once per run for all flows that need them."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from pipelines.config.channel import Channel, FlowSettings, Select
from pipelines.core.reference import import_string
from pipelines.flows import code_texts
from pipelines.flows.kept_codes import PRODUCTS_FLOW, kept_codes
from pipelines.state.links import links
from pipelines.state.store import Store
from schemas.contract import Contract
from schemas.fields.centra import PRICES, PRODUCTS

# What the evaluation of the catalogue depends on besides its rows; values that were written are found in the journal.
CATALOGUE_INPUTS = (
    f"select count(*), sum(hash(t)::hugeint) from {code_texts.TABLE.name} t",
    f"select count(*), sum(hash(source_id, key)::hugeint) from sync.links where flow = '{PRODUCTS_FLOW}'",
    f"select count(*), max(run_id), max(ended_at) from sync.journal where flow = '{PRODUCTS_FLOW}'",
)


class ProductCatalogue:
    """Uses the settings of the products flow, or its defaults if the channel has no such flow."""

    def __init__(self, channel: Channel, store: Store) -> None:
        self.channel, self.store = channel, store
        self._size_status: pd.DataFrame | None = None
        self._identities: pd.DataFrame | None = None

    @property
    def _settings(self) -> FlowSettings | None:
        return self.channel.flows.get(PRODUCTS_FLOW)

    def _import(self, key: str) -> Any:
        """The code that the flow's `transform` or `contract` references."""
        return import_string(getattr(self._settings or self.channel.known_flows[PRODUCTS_FLOW], key))

    @cached_property
    def params(self) -> Any:
        if self._settings is not None:
            return self.channel.flow_params(PRODUCTS_FLOW)
        from transforms.products import Params

        return Params()

    @cached_property
    def contract(self) -> Contract:
        contract: Contract = self._import("contract")
        return contract

    @cached_property
    def pricelist_id(self) -> str | None:
        """The price list that all products follow: the configured one, else one for the complete catalogue.

        Lists that only inactive sizes have do not count, unless these are sent.
        """
        from transforms.price import pricelist_of

        if self.params.pricelist_id is not None:
            return str(self.params.pricelist_id)
        active = "" if self.params.include_inactive else "where active"
        entries = self.store.connection.sql(
            "select distinct currency, pricelist_id from raw_centra.prices "
            f"where stock_item_id in (select stock_item_id from raw_centra.products {active})"
        )
        return pricelist_of(entries.df(), self.params.currency)

    def products(self) -> pd.DataFrame:
        """All sizes as products, sorted by id, with a new index; `code` is the one in myOGO. Adds `code_in_centra`."""
        from transforms.products import sort_by_id
        from transforms.sku import code_in_myogo

        transform, params = self._import("transform"), replace(self.params, pricelist_id=self.pricelist_id)
        columns = [*(field.column for field in PRODUCTS), "extra"]
        products = [
            transform(sizes, self._prices(sizes["stock_item_id"], "order by stock_item_id, position"), params)
            for sizes in self.store.frames("raw_centra.products", columns)
        ]
        sorted_products = sort_by_id(pd.concat(products, ignore_index=True))
        changed = code_texts.describe_changed(self.store, sorted_products, params.accept_as_new)
        mismatched = sorted_products["mismatched"]
        both = (mismatched + ", " + changed).fillna(mismatched).fillna(changed)
        code = sorted_products["code"]
        return sorted_products.assign(
            mismatched=both.astype("str"),
            code=code_in_myogo(code, kept_codes(self.channel, self.store)),
            code_in_centra=code,
        )

    def live(self) -> pd.DataFrame:
        """The products in myOGO, in our column types."""
        from transforms.live import live_products

        return live_products(self.store.frame("raw_myogo.products", [*self.contract.columns, "stock", "extra"]))

    def selected(self, products: pd.DataFrame) -> pd.Series:
        """Whether the channel selects each product, regardless of --sku."""
        from transforms.products import selected

        select = self._settings.select if self._settings is not None else Select()
        chosen = selected(products, select.include, select.exclude)
        return chosen if self.params.include_inactive else chosen & products["active"]

    def withheld(self, products: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
        """One line per row and rule that it breaks, also for rows that are not selected."""
        from schemas.products.identity_issues import identity_issues
        from schemas.products.issues import withheld

        params = self.params
        prices = self._prices(products.loc[products["price_text"].isna(), "stock_item_id"])
        of_row = withheld(products, prices, live, params.currency, params.allow_zero_price)
        of_identity = identity_issues(products, self.identities(products, live), live, params.kept_codes)
        return pd.concat([of_row, of_identity]).sort_values(["row", "rule"], ignore_index=True)

    def identities(self, products: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
        """`transforms.identity.identities` of the products."""
        from transforms.identity import identities

        if self._identities is None:
            pushed_as = links(self.store, PRODUCTS_FLOW)
            accepted, kept = self.params.accept_as_new, self.params.kept_codes
            self._identities = identities(products, pushed_as, live, self.selected(products), accepted, kept)
        return self._identities

    def size_status(self) -> pd.DataFrame:
        """One row per size: `stock_item_id`, `code`, `active`, `selected`, `broken` (the rules that withhold it, or
        "") and `code_in_myogo`, the code by which myOGO knows it; "" if that code is another size's."""
        if self._size_status is None:
            products, live = self.products(), self.live()
            self.cache_status(products, self.withheld(products, live), self.identities(products, live))
        assert self._size_status is not None
        return self._size_status

    def cache_status(self, products: pd.DataFrame, withheld: pd.DataFrame, identities: pd.DataFrame) -> None:
        """Stores what `size_status` returns, so that it is not evaluated again."""
        broken = withheld.groupby("row")["rule"].agg(", ".join).reindex(products.index).fillna("").astype("str")
        code_in_myogo = identities["renamed_from"].fillna(products["code"].mask(identities["taken_from"].notna(), ""))
        self._size_status = products[["stock_item_id", "active"]].assign(
            code=products["code_in_centra"],
            selected=self.selected(products),
            broken=broken,
            code_in_myogo=code_in_myogo,
        )

    def _prices(self, sizes: pd.Series, order: str = "") -> pd.DataFrame:
        """All price list entries of these sizes."""
        columns = ["stock_item_id", "position", *(field.column for field in PRICES), "extra"]
        with self.store.keys(sizes) as keys:
            return self.store.frame("raw_centra.prices", columns, f"where stock_item_id in (from {keys}) {order}")
