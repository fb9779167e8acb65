"""Centra's sizes as products, evaluated once per run for every flow that looks at them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from pipelines.config.channel import Channel, FlowSettings, Select
from pipelines.config.reference import import_string
from pipelines.state.store import Store
from schemas.contract import Contract
from schemas.fields.centra import PRICES, PRODUCTS

PRODUCTS_FLOW = "products"


class ProductCatalogue:
    """The settings are those of the products flow; where the channel has none, its defaults."""

    def __init__(self, channel: Channel, store: Store) -> None:
        self.channel, self.store = channel, store
        self._size_status: pd.DataFrame | None = None

    @property
    def _settings(self) -> FlowSettings | None:
        return self.channel.flows.get(PRODUCTS_FLOW)

    def _code(self, key: str) -> Any:
        """What the flow's `transform` or `contract` names."""
        return import_string(getattr(self._settings or self.channel.known_flows[PRODUCTS_FLOW], key))

    @cached_property
    def params(self) -> Any:
        if self._settings is not None:
            return self.channel.flow_params(PRODUCTS_FLOW)
        from transforms.products import Params

        return Params()

    @cached_property
    def contract(self) -> Contract:
        contract: Contract = self._code("contract")
        return contract

    def products(self) -> pd.DataFrame:
        """What the transform makes of all sizes, in the order of their ids, on a fresh index."""
        from transforms.products import by_number

        transform, params = self._code("transform"), self.params
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

    def selected(self, products: pd.DataFrame) -> pd.Series:
        """Which of them the channel selects, whatever --sku says."""
        from transforms.products import selected

        select = self._settings.select if self._settings is not None else Select()
        chosen = selected(products, select.include, select.exclude)
        return chosen if self.params.include_inactive else chosen & products["active"]

    def withheld(self, products: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
        """One line per row and rule it breaks, also of rows that are not selected."""
        from schemas.products.issues import withheld

        params = self.params
        prices = self._prices(products.loc[products["price_text"].isna(), "stock_item_id"])
        return withheld(products, prices, live, params.currency, params.allow_zero_price, params.pricelist_id)

    def size_status(self) -> pd.DataFrame:
        """One row per size: `stock_item_id`, `code`, `selected`, and `broken`: the rules that withhold it, or ""."""
        if self._size_status is None:
            products = self.products()
            self.cache_status(products, self.withheld(products, self.live()))
        assert self._size_status is not None
        return self._size_status

    def cache_status(self, products: pd.DataFrame, withheld: pd.DataFrame) -> None:
        """Makes `size_status` return what was evaluated already."""
        broken = withheld.groupby("row")["rule"].agg(", ".join).reindex(products.index).fillna("").astype("str")
        self._size_status = products[["stock_item_id", "code"]].assign(selected=self.selected(products), broken=broken)

    def _prices(self, sizes: pd.Series, order: str = "") -> pd.DataFrame:
        """All entries of the price lists for these sizes."""
        columns = ["stock_item_id", "position", *(field.column for field in PRICES), "extra"]
        with self.store.keys(sizes) as keys:
            return self.store.frame("raw_centra.prices", columns, f"where stock_item_id in (from {keys}) {order}")
