"""myOGO's products with the types of the contract."""

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
        pytest.param(49, Decimal(49), id="integer"),
        pytest.param(None, None, id="null"),
        pytest.param("1e2", Decimal(100), id="exponent"),
    ],
)
def test_a_price_becomes_a_decimal_or_null(price: object, expected: Decimal | None) -> None:
    """An invalid price is treated as absent, so that a valid one replaces it."""
    value = _one(salesPrice=price)["sales_price"]
    assert value == expected if expected is not None else pd.isna(value)


def test_empty_texts_are_absent() -> None:
    row = _one(name="", eanCode="", group=None, description="x")
    assert plain_list(row[["name", "ean_code", "product_group", "description"]]) == [None, None, None, "x"]


def test_countries_become_upper_case_and_languages_lower_case() -> None:
    row = _one(countryOfOrigin="pt", languageCode="EN", name="Parka pt")
    assert list(row[["country_of_origin", "language_code", "name"]]) == ["PT", "en", "Parka pt"]


def test_a_duplicate_code_is_kept_twice() -> None:
    """Codes are not changed, not even an empty one."""
    assert list(held({"code": " a"}, {"code": "B"}, {"code": "B"})["code"]) == [" a", "B", "B"]
    empty_row = pd.DataFrame({column: pd.Series([""], dtype="str") for column in (*PRODUCT.columns, "extra")})
    assert list(live_products(empty_row)["code"]) == [""]


def test_rows_keep_their_order_and_get_a_new_index() -> None:
    """With the columns of the contract."""
    staged = pd.DataFrame({column: pd.Series(["x", "y"], dtype="str") for column in PRODUCT.columns})
    live = live_products(staged.assign(extra=None).astype("str").set_axis([7, 3]))
    assert list(live.columns) == [*PRODUCT.columns, "unreadable"]
    assert list(live.index) == [0, 1]
    assert list(live["name"]) == ["x", "y"]


def test_an_empty_myogo_gives_an_empty_frame() -> None:
    assert len(held()) == 0


def test_fields_of_an_unexpected_type_are_named() -> None:
    """A price or a name that is a list has no value, and no push must replace it unseen."""
    rows = held({"code": "A", "name": ["Parka"]}, {"code": "B"}, {"code": "C", "salesPrice": [1]})
    assert plain_list(rows["unreadable"]) == ['name is ["Parka"]', None, "salesPrice is [1]"]
    assert plain_list(rows["name"].head(1)) == [None]
