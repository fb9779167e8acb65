"""Cells that differ between both sides, compared with what earlier pushes have written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.state.written_values import WrittenValue
from schemas.products.contract import PRODUCT
from schemas.products.written_issues import CHANGED, EMPTIED, KEPT
from tests.support.frames import desired, held
from tests.support.shop import euro, product, size
from transforms.written import compare_written, differing_cells, without_kept

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
