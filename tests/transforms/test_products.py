"""Centra's sizes become products for myOGO."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from tests.support.frames import plain_list, products, staged
from tests.support.shop import euro, size
from transforms.price import MONEY
from transforms.products import Params, customs_code, sort_by_id, to_myogo


def _one(column: str, params: dict[str, Any] | None = None, **fields: Any) -> Any:
    return plain_list(products(size(1, **fields), **(params or {}))[column])[0]


def test_each_field_of_a_size_gets_its_column() -> None:
    """With a size that has all fields."""
    row = products(
        size(
            7001,
            sku="JKT100", variantSku="-BLU", sizeSku="-S", ean="7350000000016", shortDescription="<b>Warm</b>",
            harmCode="6201 40.00", harmDescription="Over&shy;coats", countryOfOrigin="pt",
            images=["https://cdn.test/1.jpg", "https://cdn.test/2.jpg"], prices=[euro("329.00")],
        )
    ).iloc[0]  # fmt: skip
    assert row.where(row.notna(), None).to_dict() == {
        "stock_item_id": "7001", "product_id": "7001", "code": "JKT100-BLU-S", "name": "Parka Blue S",
        "sales_price": Decimal("329.0000"), "description": "Warm", "supplier": "Acme", "product_group": "Jackets",
        "picture_url": "https://cdn.test/1.jpg", "country_of_origin": "PT",
        "customs_description": "Over\u00adcoats", "hs_code": "62014000", "language_code": "en",
        "ean_code": "7350000000016", "active": True, "folder": "Outerwear", "category": "Jackets",
        "store": "Retail", "price_text": "329.00", "price_had_residue": False, "second_price_text": None,
        "pricelist_id": "36", "pricelists": 1,
        "harm_code": "6201 40.00", "ean_text": "7350000000016", "mismatched": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ean", "upc", "expected"),
    [
        pytest.param("111", "222", "111", id="EAN first"),
        pytest.param("", "222", "222", id="UPC where the EAN is empty"),
        pytest.param(" ", " 222 ", "222", id="UPC where the EAN is blank"),
        pytest.param(None, None, None, id="neither"),
        pytest.param(7350000000016, None, "7350000000016", id="as a number"),
        pytest.param("00123", "", "00123", id="leading zeros"),
        pytest.param("7.35E+12", "", None, id="a spreadsheet's number"),
        pytest.param("7,35094E+12", "", None, id="a Nordic spreadsheet's number"),
        pytest.param("7350000000016.0", None, None, id="a float"),
        pytest.param("735000000001\u200e6", None, None, id="a direction mark in it"),
        pytest.param("735000000001\ufffd", None, None, id="a replacement character in it"),
        pytest.param("AB-12E", None, "AB-12E", id="another kind of code"),
        pytest.param("0000000000000", None, None, id="zeros"),
        pytest.param("n/a", None, None, id="a word"),
        pytest.param("7350000000017", None, None, id="a wrong check digit"),
        pytest.param("96385075", None, None, id="a wrong check digit of 8"),
        pytest.param("1233421127", None, "1233421127", id="an internal number"),
    ],
)
def test_the_barcode_is_the_ean_or_else_the_upc(ean: object, upc: object, expected: str | None) -> None:
    assert _one("ean_code", ean=ean, upc=upc) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("62014000", "62014000"),
        ("6201.40.00", "62014000"),
        ("6201 40-00", "62014000"),
        ("620140", "620140"),
        ("6201400000", "6201400000"),
        ("62014", None),
        ("62014000001", None),
        ("62O14000", None),
        ("n/a", None),
        ("", None),
        (None, None),
        ("٦٢٠١٤٠٠٠", None),
    ],
)
def test_a_customs_code_has_6_to_10_digits(text: str | None, expected: str | None) -> None:
    """Points, blanks and hyphens are removed."""
    assert plain_list(customs_code(pd.Series([text], dtype="str"))) == [expected]


@pytest.mark.parametrize(
    ("name", "paths", "folder", "expected"),
    [
        pytest.param("Jackets", ["Shop / Coats"], "Outerwear", "Jackets", id="categoryName"),
        pytest.param("", ["Shop / Coats", "Sale"], "Outerwear", "Shop / Coats", id="first path"),
        pytest.param(None, [], "Outerwear", "Outerwear", id="folder"),
        pytest.param(" ", [" "], " Outer ", "Outer", id="blanks are skipped"),
        pytest.param(None, None, None, None, id="nothing"),
        pytest.param(None, "", "", None, id="empty text for a list"),
    ],
)
def test_group_and_category_are_the_first_filled_field(
    name: object, paths: object, folder: object, expected: str | None
) -> None:
    fields = {"categoryName": name, "categories": paths, "folder": folder}
    assert _one("product_group", **fields) == expected
    assert _one("category", **fields) == expected


@pytest.mark.parametrize(
    ("short", "long", "expected"),
    [
        pytest.param("short", "long", "short", id="short first"),
        pytest.param("", "<p>long</p>", "long", id="long where short is empty"),
        pytest.param("<p>&nbsp;</p>", "long", "long", id="long where short is an empty paragraph"),
        pytest.param(None, "", None, id="neither"),
    ],
)
def test_the_description_is_the_short_one_or_else_the_long_one(
    short: object, long: object, expected: str | None
) -> None:
    assert _one("description", shortDescription=short, description=long) == expected


@pytest.mark.parametrize(
    ("country", "expected"),
    [("PT", "PT"), ("pt", "PT"), (" pt ", "PT"), ("", None), (None, None), ("Portugal", "PORTUGAL")],
)
def test_the_country_becomes_upper_case(country: object, expected: str | None) -> None:
    """Whether it is valid is checked by the rules."""
    assert _one("country_of_origin", countryOfOrigin=country) == expected


@pytest.mark.parametrize(
    ("params", "store", "expected"),
    [
        pytest.param({}, "Retail", "en", id="default"),
        pytest.param({"language": "SV"}, "Retail", "sv", id="in small letters"),
        pytest.param({"language_by_store": {"Retail": "fi"}}, "Retail", "fi", id="of the store"),
        pytest.param({"language_by_store": {"Retail": "fi"}}, "Other", "en", id="another store"),
        pytest.param({"language_by_store": {"Retail": "fi"}}, "retail", "en", id="a store's name is exact"),
        pytest.param({"language_by_store": {"Retail": "fi"}}, None, "en", id="no store"),
    ],
)
def test_the_language_comes_from_the_store_or_the_default(params: dict[str, Any], store: object, expected: str) -> None:
    assert _one("language_code", params, store=store) == expected


def test_rows_keep_their_order_and_get_a_new_index() -> None:
    """Each with its own price."""
    sizes, prices = staged(*(size(n, prices=[euro(f"{n}.00")]) for n in (5, 3, 10)))
    transformed = to_myogo(sizes[::-1], prices, Params())
    assert list(transformed["stock_item_id"]) == ["10", "3", "5"]
    assert list(transformed["price_text"]) == ["10.00", "3.00", "5.00"]
    assert list(transformed.index) == [0, 1, 2]


def test_the_configured_price_list_is_used() -> None:
    """And `active` is bool and `pricelists` int, which the rules require."""
    two_lists = size(1, prices=[euro("10.00", "1"), euro("20.00", "36")])
    assert list(products(two_lists)["price_text"]) == ["10.00"]
    chosen = products(two_lists, size(2, active=0, prices=[]), pricelist_id="36")
    assert plain_list(chosen["price_text"]) == ["20.00", None]
    assert (chosen["active"].dtype, list(chosen["active"])) == (bool, [True, False])
    assert (chosen["pricelists"].dtype, list(chosen["pricelists"])) == (int, [2, 0])


def test_invalid_and_inactive_sizes_are_kept() -> None:
    """The rules withhold or skip them later."""
    transformed = products(size(1, active=0), size(2, sku=None, name=None, product=None, prices=[]), size(3))
    assert list(transformed["active"]) == [False, True, True]
    assert list(transformed["pricelists"]) == [1, 0, 1]


def test_an_empty_catalogue_has_all_columns() -> None:
    assert list(products().columns) == list(products(size(1)).columns)


def test_the_input_frames_are_not_changed() -> None:
    sizes, prices = staged(size(1), size(2, prices=[euro("1", 9), euro(" 2 ")], countryOfOrigin="pt", name=" <b>x</b>"))
    before = sizes.copy(), prices.copy()
    to_myogo(sizes, prices, Params(pricelist_id="36"))
    pd.testing.assert_frame_equal(sizes, before[0])
    pd.testing.assert_frame_equal(prices, before[1])


def test_sizes_are_sorted_by_the_number_of_their_id() -> None:
    """Ids are texts, so that a text sort would put 10 before 9."""
    transformed = products(*(size(n) for n in (10, 9, 100, 1)))
    assert [*sort_by_id(transformed)["stock_item_id"]] == ["1", "9", "10", "100"]
    assert [*sort_by_id(transformed).index] == [0, 1, 2, 3]
    assert list(sort_by_id(transformed).columns) == list(transformed.columns)
    assert [*sort_by_id(transformed)["code"]] == ["SKU1", "SKU9", "SKU10", "SKU100"]


def test_a_size_of_which_centra_does_not_say_whether_it_is_active_counts_as_active() -> None:
    """So that it is withheld for that, and not skipped."""
    sizes, prices = staged(size(1), size(2), size(3))
    sizes = sizes.assign(active=pd.array([None, False, True], dtype="boolean"))
    made = to_myogo(sizes, prices, Params())
    assert (list(made["active"]), made["active"].dtype) == ([True, False, True], bool)


def test_each_row_has_its_own_list_and_prices() -> None:
    """The residue of a float is taken off the price only; the text stays as Centra sent it."""
    rows = [
        size(1, prices=[euro("49.899999999999999")]), size(2, prices=[euro("5"), euro("6")]), size(3, prices=[]),
        size(4, prices=[euro("7", "40")]), size(5, prices=[euro("x")]),
    ]  # fmt: skip
    made = products(*rows)
    assert plain_list(made["sales_price"]) == [Decimal("49.9"), Decimal(5), None, None, None]
    assert plain_list(made["price_text"]) == ["49.899999999999999", "5", None, None, "x"]
    assert list(made["price_had_residue"]) == [True, False, False, False, False]
    assert plain_list(made["second_price_text"]) == [None, "6", None, None, None]
    assert plain_list(made["pricelist_id"]) == ["36"] * 5
    assert list(made["pricelists"]) == [1, 1, 0, 0, 1]
    assert plain_list(products(size(1, prices=[]))["pricelist_id"]) == [None]


def test_each_column_has_one_type_with_and_without_sizes() -> None:
    """All others are texts."""
    other = {"sales_price": str(MONEY), "active": "bool", "price_had_residue": "bool", "pricelists": "int64"}
    for made in (products(size(1)), products()):
        assert {name: str(dtype) for name, dtype in made.dtypes.items()} == dict.fromkeys(made.columns, "str") | other


@pytest.mark.parametrize("ids", [["10", "9"], ["9", "10"], ["b", "a", "10"], ["10", "10", "9"]])
def test_rows_sorted_by_id_have_a_new_index(ids: list[str]) -> None:
    frame = pd.DataFrame({"stock_item_id": pd.Series(ids, dtype="str"), "n": range(len(ids))})
    made = sort_by_id(frame)
    assert list(made["stock_item_id"]) == sorted(ids, key=lambda one: (len(one), one))
    assert list(made.index) == list(range(len(ids)))
    assert list(made.columns) == ["stock_item_id", "n"]
