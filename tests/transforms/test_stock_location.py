"""Where the units of a line lie, by the list of warehouses that Centra gives for it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from tests.support.frames import plain_list, texts
from transforms.stock_location import here, quantity_here

ALL_OURS, NOT_OURS, UNCLEAR = (None, False, False), (None, True, False), (None, False, True)
OURS, STORE = {"name": "OGOship"}, {"name": "Store"}
LISTS: list[tuple[Any, Any]] = [
    ([OURS], ALL_OURS),
    ([{"name": " ogoSHIP "}], ALL_OURS),
    ([OURS | {"itemQty": 0}], ALL_OURS),  # the only warehouse, whatever its number
    ([OURS | {"itemQty": 1}, {"name": "OGOship 2", "itemQty": "?"}], ALL_OURS),
    ([OURS | {"itemQty": 2}, STORE | {"itemQty": 0}], ALL_OURS),
    ([STORE], NOT_OURS),
    ([STORE | {"itemQty": 2}, OURS | {"itemQty": "0"}], NOT_OURS),
    ([OURS | {"itemQty": 0}, STORE | {"itemQty": 0}], (0, False, False)),
    ([OURS | {"itemQty": "2"}, STORE | {"itemQty": 1}], (2, False, False)),
    ([OURS | {"itemQty": 2}, STORE | {"itemQty": "x"}, {"name": "OGOship 2", "itemQty": 3}], (5, False, False)),
    ([OURS | {"itemQty": "x"}, STORE | {"itemQty": 1}], UNCLEAR),
    ([OURS | {"itemQty": -1}, STORE | {"itemQty": 1}], UNCLEAR),
    ([OURS | {"itemQty": "٢"}, STORE | {"itemQty": 1}], UNCLEAR),
    ([OURS | {"itemQty": "²"}, STORE | {"itemQty": 1}], UNCLEAR),
    ([OURS, STORE | {"itemQty": 1}], UNCLEAR),
    ([], UNCLEAR),
    ([OURS, "Store"], UNCLEAR),
    ([OURS, {"name": 1}], UNCLEAR),
    ([OURS, {}], UNCLEAR),
    (OURS, UNCLEAR),
    ("OGOship", UNCLEAR),
    (5, UNCLEAR),
    (None, UNCLEAR),
]


@pytest.mark.parametrize(("warehouses", "expected"), LISTS)
def test_a_list_of_warehouses_says_how_many_units_are_ours(warehouses: Any, expected: tuple[Any, bool, bool]) -> None:
    table = here(texts([json.dumps(warehouses), None]).set_axis([7, 3]), ("OGOship", "OGOSHIP 2 "))
    assert list(zip(plain_list(table["units"]), table["elsewhere"], table["problem"], strict=True)) == [
        expected, UNCLEAR,
    ]  # fmt: skip
    assert list(table.index) == [7, 3]
    assert [str(dtype) for dtype in table.dtypes] == ["Int64", "bool", "bool"]


def test_without_names_every_line_is_ours() -> None:
    table = here(texts(['[{"name": "Store"}]', None]).set_axis([7, 3]), ())
    assert table.astype(object).replace({pd.NA: None}).to_dict("list") == {
        "units": [None, None], "elsewhere": [False, False], "problem": [False, False],
    }  # fmt: skip
    assert list(table.index) == [7, 3]
    assert [str(dtype) for dtype in table.dtypes] == ["Int64", "bool", "bool"]


def test_the_units_in_our_warehouse_take_the_place_of_the_lines_quantity() -> None:
    location = pd.DataFrame({"units": pd.array([None, 2, 0], dtype="Int64")})
    assert plain_list(quantity_here(pd.Series([5, 5, None], dtype="Int64"), location)) == [5, 2, 0]
