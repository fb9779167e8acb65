"""Frames made by the product's own staging, from rows as the wire has them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipelines.systems.arrow_columns import Findings, table
from pipelines.systems.centra.source import price_table, product_table
from schemas.fields.myogo import PRODUCTS
from schemas.products.contract import PRODUCT
from schemas.products.issues import warnings, withheld
from transforms.live import live_products
from transforms.products import Params, to_myogo

Row = dict[str, Any]


def staged(*rows: Row) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sizes and prices as a run reads them back from DuckDB."""
    given = list(rows)
    return product_table(given, Findings()).to_pandas(), price_table(given, Findings()).to_pandas()


def products(*rows: Row, **params: Any) -> pd.DataFrame:
    """What the transform makes of Centra's rows."""
    sizes, prices = staged(*rows)
    return to_myogo(sizes, prices, Params(**params))


def desired(*rows: Row, **params: Any) -> pd.DataFrame:
    """The same as `diff` wants it."""
    return products(*rows, **params).rename(columns={"stock_item_id": "source_id"})


def held(*rows: Row) -> pd.DataFrame:
    """myOGO's products as a run compares them; `rows` in myOGO's own JSON names."""
    given = table([dict(row) for row in rows], PRODUCTS, lambda index: f"row {index}", Findings()).to_pandas()
    return live_products(given[[*PRODUCT.columns, "stock"]])


def issues(*rows: Row, live: pd.DataFrame | None = None, currency: str = "EUR", zero: bool = False) -> pd.DataFrame:
    """The issues of `withheld`."""
    sizes, prices = staged(*rows)
    made = to_myogo(sizes, prices, Params(currency=currency))
    return withheld(made, prices, held() if live is None else live, currency, zero)


def warned(*rows: Row, live: pd.DataFrame | None = None, pricelist_id: str | None = None) -> pd.DataFrame:
    """The warnings about rows that are switched on."""
    made = products(*rows, pricelist_id=pricelist_id)
    return warnings(made, made["active"], held() if live is None else live, pricelist_id)


def texts(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype="str")


def plain_list(values: pd.Series) -> list[Any]:
    """Python values, null as None."""
    return [None if pd.isna(value) else value for value in values]
