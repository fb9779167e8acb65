"""Data frames made by the project's own staging code from rows in the vendors' JSON form."""

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
    """The sizes and the prices, as a run reads them back from DuckDB."""
    row_list = list(rows)
    return product_table(row_list, Findings()).to_pandas(), price_table(row_list, Findings()).to_pandas()


def products(*rows: Row, **params: Any) -> pd.DataFrame:
    """The products that the transform makes from Centra's rows."""
    sizes, prices = staged(*rows)
    return to_myogo(sizes, prices, Params(**params))


def desired(*rows: Row, **params: Any) -> pd.DataFrame:
    """The same products with the column names that `diff` needs."""
    return products(*rows, **params).rename(columns={"stock_item_id": "source_id"})


def held(*rows: Row) -> pd.DataFrame:
    """myOGO's products as a run compares them; `rows` use myOGO's JSON names."""
    staged_rows = table([dict(row) for row in rows], PRODUCTS, lambda index: f"row {index}", Findings()).to_pandas()
    return live_products(staged_rows[[*PRODUCT.columns, "stock", "extra"]])


def issues(
    *rows: Row,
    live: pd.DataFrame | None = None,
    currency: str = "EUR",
    zero: bool = False,
    pricelist_id: str | None = None,
) -> pd.DataFrame:
    """The issues that withhold rows."""
    sizes, prices = staged(*rows)
    transformed = to_myogo(sizes, prices, Params(currency=currency, pricelist_id=pricelist_id))
    return withheld(transformed, prices, held() if live is None else live, currency, zero)


def warned(*rows: Row, live: pd.DataFrame | None = None, pricelist_id: str | None = None) -> pd.DataFrame:
    """The warnings about active rows."""
    transformed = products(*rows, pricelist_id=pricelist_id)
    return warnings(transformed, transformed["active"], held() if live is None else live, pricelist_id)


def texts(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype="str")


def plain_list(values: pd.Series) -> list[Any]:
    """The Python values; null becomes None."""
    return [None if pd.isna(value) else value for value in values]
