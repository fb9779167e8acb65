"""Centra's sizes as products, judged once per run for every flow that looks at them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from pipelines.config.builtin_flows import BUILT_IN_FLOWS
from pipelines.config.channel import Channel, FlowSettings
from pipelines.config.reference import import_string
from pipelines.state.store import Store
from schemas.contract import Contract
from schemas.fields.centra import PRICES, PRODUCTS

PRODUCTS_FLOW = "products"


class ProductCatalogue:
    """The settings are those of the products flow; where the channel has none, its defaults."""

    def __init__(self, channel: Channel, store: Store) -> None:
        self.channel, self.store = channel, store
        self._standing: pd.DataFrame | None = None

    @property
    def flow(self) -> FlowSettings:
        own = self.channel.flows.get(PRODUCTS_FLOW)
        return own or FlowSettings.model_validate(BUILT_IN_FLOWS[PRODUCTS_FLOW])

    @cached_property
    def params(self) -> Any:
        if PRODUCTS_FLOW in self.channel.flows:
            return self.channel.flow_params(PRODUCTS_FLOW)
        from transforms.products import Params

        return Params()

    @cached_property
    def contract(self) -> Contract:
        contract: Contract = import_string(self.flow.contract)
        return contract

    def products(self) -> pd.DataFrame:
        """What the transform makes of all sizes, in the order of their ids, on a fresh index."""
        from transforms.products import by_number

        transform, params = import_string(self.flow.transform), self.params
        columns = [*(field.column for field in PRODUCTS), "extra"]
        made = [
            transform(sizes, self._prices(sizes["stock_item_id"], "order by stock_item_id, position"), params)
            for sizes in self.store.frames("raw_centra.products", columns)
        ]
        return by_number(pd.concat(made, ignore_index=True))

    def live(self) -> pd.DataFrame:
        """What myOGO holds, in our types."""
        from transforms.live import live_products

        return live_products(self.store.frame("raw_myogo.products", [*self.contract.columns, "stock"]))

    def wanted(self, products: pd.DataFrame) -> pd.Series:
        """Which of them the channel wants, whatever --sku says."""
        from transforms.products import selected

        select = self.flow.select
        wanted = selected(products, select.include, select.exclude)
        return wanted if self.params.include_inactive else wanted & products["active"]

    def withheld(self, products: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
        """One line per row and rule it breaks, also of rows that are not wanted."""
        from schemas.products.issues import withheld

        params = self.params
        prices = self._prices(products.loc[products["price_text"].isna(), "stock_item_id"])
        return withheld(products, prices, live, params.currency, params.allow_zero_price, params.pricelist_id)

    def standing(self) -> pd.DataFrame:
        """One row per size: `stock_item_id`, `code`, `wanted`, and `broken`: the rules that withhold it, or ""."""
        if self._standing is None:
            products = self.products()
            self.settle(products, self.withheld(products, self.live()))
        assert self._standing is not None
        return self._standing

    def settle(self, products: pd.DataFrame, told: pd.DataFrame) -> None:
        """What `standing` says from now on, of what was made and judged already."""
        broken = told.groupby("row")["rule"].agg(", ".join).reindex(products.index).fillna("").astype("str")
        self._standing = products[["stock_item_id", "code"]].assign(wanted=self.wanted(products), broken=broken)

    def _prices(self, sizes: pd.Series, order: str = "") -> pd.DataFrame:
        """All that the price lists say of these sizes."""
        columns = ["stock_item_id", "position", *(field.column for field in PRICES), "extra"]
        with self.store.keys(sizes) as wanted:
            return self.store.frame("raw_centra.prices", columns, f"where stock_item_id in (from {wanted}) {order}")
