"""myOGO's products in the types of our contract."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from schemas.products.contract import PRODUCT
from tests.support.frames import held, plain_list
from transforms.live import live_products


def _one(**fields: object) -> pd.Series:
    return held({"code": "A", **fields}).iloc[0]


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        pytest.param("49.90", Decimal("49.9"), id="digits"),
        pytest.param(49, Decimal(49), id="whole number"),
        pytest.param(None, None, id="null"),
        pytest.param("1e2", Decimal(100), id="exponent"),
    ],
)
def test_price(price: object, expected: Decimal | None) -> None:
    """A decimal; what is none is treated as absent, so that a good price replaces it."""
    value = _one(salesPrice=price)["sales_price"]
    assert value == expected if expected is not None else pd.isna(value)


def test_empty_texts_are_absent() -> None:
    row = _one(name="", eanCode="", group=None, description="x")
    assert plain_list(row[["name", "ean_code", "product_group", "description"]]) == [None, None, None, "x"]


def test_case_of_country_and_language_is_ours() -> None:
    row = _one(countryOfOrigin="pt", languageCode="EN", name="Parka pt")
    assert list(row[["country_of_origin", "language_code", "name"]]) == ["PT", "en", "Parka pt"]


def test_a_code_held_twice_stays_twice() -> None:
    """And a code is never touched, not even an empty one."""
    assert list(held({"code": " a"}, {"code": "B"}, {"code": "B"})["code"]) == [" a", "B", "B"]
    bare = pd.DataFrame({column: pd.Series([""], dtype="str") for column in PRODUCT.columns})
    assert list(live_products(bare)["code"]) == [""]


def test_columns_and_rows_are_those_of_the_stage() -> None:
    """In its order, on a fresh index."""
    staged = pd.DataFrame({column: pd.Series(["x", "y"], dtype="str") for column in PRODUCT.columns})
    live = live_products(staged.set_axis([7, 3]))
    assert list(live.columns) == list(PRODUCT.columns)
    assert list(live.index) == [0, 1]
    assert list(live["name"]) == ["x", "y"]


def test_an_empty_warehouse() -> None:
    assert len(held()) == 0
