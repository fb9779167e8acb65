"""Cells that differ between both sides, compared with what earlier pushes have written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

from pipelines.state.written_values import WrittenValue
from schemas.products.contract import PRODUCT
from schemas.products.written_issues import CHANGED, EMPTIED, KEPT
from tests.support.frames import desired, held, plain_list
from tests.support.shop import euro, product, size
from transforms.written import compare_written, differing_cells, price_jumps, without_kept

AT = datetime(2026, 3, 1, tzinfo=UTC)


def _cells(centra: dict[str, Any], myogo: dict[str, Any]) -> Any:
    wanted = desired(size(1, **centra), size(2))
    return wanted, differing_cells(
        wanted,
        held(*(product(n, **({"salesPrice": "10.00"} | fields)) for n, fields in enumerate((myogo, {}, {}), 1))),
        PRODUCT,
    )


def _state(centra: dict[str, Any], myogo: dict[str, Any], column: str, sent: Any, kept: Any = ...) -> list[str]:
    _, cells = _cells(centra, myogo)
    written = {("SKU1", column): WrittenValue(sent, sent if kept is ... else kept, AT)}
    return list(compare_written(cells, written)["state"])


def test_a_cell_differs_if_the_values_differ_or_only_the_target_has_one() -> None:
    _, cells = _cells({"brand": "", "prices": [euro("12.00")]}, {"hsCode": None, "description": "Warm"})
    assert sorted(cells[["row", "key", "column"]].itertuples(index=False, name=None)) == [
        (0, "SKU1", "description"), (0, "SKU1", "hs_code"), (0, "SKU1", "sales_price"), (0, "SKU1", "supplier"),
    ]  # fmt: skip
    assert list(cells.index) == [0, 1, 2, 3]


def test_equal_rows_have_no_differing_cell() -> None:
    assert len(_cells({}, {})[1]) == 0


@pytest.mark.parametrize(
    ("centra", "myogo", "column", "sent", "kept"),
    [
        pytest.param({"prices": [euro("12.345")]}, {"salesPrice": "12.35"}, "sales_price", Decimal("12.345"),
                     Decimal("12.35"), id="rounded price"),
        pytest.param({"name": "A very long name", "variant": "", "size": ""}, {"name": "A very"}, "name",
                     "A very long name", "A very", id="cut name"),
        pytest.param({"images": ["https://x.test/a b"]}, {"pictureUrl": ""}, "picture_url", "https://x.test/a b", None,
                     id="dropped URL"),
        pytest.param({"prices": [euro("13")]}, {"salesPrice": 12}, "sales_price", 13, 12, id="whole numbers"),
    ],
)  # fmt: skip
def test_a_value_of_which_the_target_made_another_is_kept(
    centra: dict[str, Any], myogo: dict[str, Any], column: str, sent: Any, kept: Any
) -> None:
    assert _state(centra, myogo, column, sent, kept) == [KEPT]


@pytest.mark.parametrize(
    ("centra", "myogo", "column", "sent", "kept"),
    [
        pytest.param({"prices": [euro("99")]}, {"salesPrice": 79}, "sales_price", 99, ..., id="a second channel"),
        pytest.param({"brand": "Acme"}, {"supplier": "Acme Ltd"}, "supplier", "Acme", ..., id="a colleague"),
        pytest.param({"brand": "Acme"}, {"supplier": ""}, "supplier", "Acme", ..., id="emptied there"),
        pytest.param({"prices": [euro("99")]}, {"salesPrice": None}, "sales_price", 99, ..., id="price removed there"),
        pytest.param({"prices": [euro("12.345")]}, {"salesPrice": 79}, "sales_price", Decimal("12.345"),
                     Decimal("12.35"), id="changed after it was rounded"),
    ],
)  # fmt: skip
def test_a_value_that_somebody_changed_in_the_target(
    centra: dict[str, Any], myogo: dict[str, Any], column: str, sent: Any, kept: Any
) -> None:
    assert _state(centra, myogo, column, sent, kept) == [CHANGED]


@pytest.mark.parametrize(
    ("centra", "myogo", "column", "sent"),
    [
        pytest.param({"brand": ""}, {}, "supplier", "Acme", id="brand"),
        pytest.param({"harmCode": None}, {}, "hs_code", "62014000", id="tariff number"),
        pytest.param({"countryOfOrigin": ""}, {}, "country_of_origin", "PT", id="country"),
    ],
)
def test_a_value_that_was_emptied_in_the_source(
    centra: dict[str, Any], myogo: dict[str, Any], column: str, sent: str
) -> None:
    assert _state(centra, myogo, column, sent) == [EMPTIED]


@pytest.mark.parametrize(
    ("centra", "myogo", "column", "sent"),
    [
        pytest.param({"prices": [euro("15")]}, {"salesPrice": 10}, "sales_price", 10, id="changed in Centra"),
        pytest.param({"brand": ""}, {"supplier": "Other"}, "supplier", "Acme", id="emptied here, changed there"),
        pytest.param({"brand": "Acme"}, {"supplier": "X"}, "name", "Acme", id="another column"),
    ],
)
def test_other_differences_are_ordinary_changes(
    centra: dict[str, Any], myogo: dict[str, Any], column: str, sent: Any
) -> None:
    assert _state(centra, myogo, column, sent) == []


def test_only_kept_cells_are_left_out() -> None:
    wanted, cells = _cells({"brand": "Acme", "prices": [euro("12.345")]}, {"supplier": "X", "salesPrice": 12})
    written = {
        ("SKU1", "sales_price"): WrittenValue(Decimal("12.345"), 12, AT),
        ("SKU1", "supplier"): WrittenValue("Acme", "Acme", AT),
    }
    left = without_kept(wanted, compare_written(cells, written))
    assert left["sales_price"].isna().tolist() == [True, False]
    assert left["supplier"].tolist() == ["Acme", "Acme"]
    assert left["sales_price"].dtype == wanted["sales_price"].dtype


@pytest.mark.parametrize(
    ("centra", "myogo", "values"),
    [
        ([euro("12.00")], "11.00", (Decimal(12), Decimal(11))),
        ([euro("12.00")], None, (Decimal(12), None)),
        ([], "11.00", (None, Decimal(11))),
        ([], None, None),
    ],
    ids=["both", "Centra only", "myOGO only", "neither"],
)
def test_a_price_differs_if_only_one_side_has_it(centra: list[Any], myogo: Any, values: Any) -> None:
    _, cells = _cells({"prices": centra}, {"salesPrice": myogo})
    expected = [] if values is None else [(0, "SKU1", "sales_price", *values)]
    assert list(cells.itertuples(index=False, name=None)) == expected


def test_rows_are_counted_in_any_index() -> None:
    """As after rows were withheld, which leaves gaps in the index."""
    wanted = desired(size(1), size(2, brand="Acme Oy"), size(3)).set_axis([7, 3, 5])
    live = held(*(product(n, salesPrice="10.00", supplier="Acme Ltd" if n == 2 else "Acme") for n in (3, 2)))
    cells = differing_cells(wanted, live, PRODUCT)
    assert cells[["row", "key", "column"]].to_numpy().tolist() == [[1, "SKU2", "supplier"]]
    compared = compare_written(cells, {("SKU2", "supplier"): WrittenValue("Acme Oy", "Acme Ltd", AT)})
    assert compared.to_dict("records") == [
        {"row": 1, "key": "SKU2", "column": "supplier", "desired": "Acme Oy", "live": "Acme Ltd", "sent": "Acme Oy",
         "at": AT, "state": KEPT}
    ]  # fmt: skip
    assert plain_list(without_kept(wanted, compared)["supplier"]) == ["Acme", None, "Acme"]


def test_a_price_jumps_if_it_changes_by_more_than_the_factor() -> None:
    """Up or down; a price that one side lacks and other columns do not count."""
    values = [("sales_price", 20, 10), ("sales_price", 21, 10), ("sales_price", 10, 21), ("sales_price", None, 10),
              ("sales_price", 10, None), ("name", "21", "10"), ("sales_price", 1, 0)]  # fmt: skip
    cells = pd.DataFrame(
        [(0, f"SKU{n}", column, _decimal(new), _decimal(old)) for n, (column, new, old) in enumerate(values)],
        columns=["row", "key", "column", "desired", "live"],
        index=range(10, 17),
    )
    jumps = price_jumps(cells, Fraction(2))
    assert (list(jumps.index), list(jumps["key"])) == ([11, 12, 16], ["SKU1", "SKU2", "SKU6"])
    assert len(price_jumps(cells.head(1), Fraction(2))) == 0
    none = price_jumps(cells.head(0), Fraction(2))
    assert (len(none), list(none.columns)) == (0, list(cells.columns))


def _decimal(value: Any) -> Any:
    return Decimal(value) if isinstance(value, int) else value
