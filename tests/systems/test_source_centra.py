"""Centra's rows become staged tables: prices in a separate table, each size once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipelines.core.errors import SourceError
from pipelines.core.json_codec import DuplicateKeyValue
from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.source import _batches, price_table, product_table
from tests.support.shop import Shop, euro, size


class Pages:
    """A stand-in for the client that returns these pages."""

    def __init__(self, *pages: list[Any]) -> None:
        self.listed_pages = pages

    def pages(self, path: str, only: object = None) -> Iterator[list[Any]]:
        yield from self.listed_pages


def read(*pages: list[Any], findings: Findings | None = None) -> list[Any]:
    """The rows of all batches."""
    client: Any = Pages(*pages)
    return [row for batch in _batches(client, "/products", findings or Findings()) for row in batch]


def priced(*rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    arrow_table = price_table(list(rows), Findings()).to_pydict()
    return list(
        zip(*(arrow_table[name] for name in ("stock_item_id", "position", "pricelist_id", "price")), strict=True)
    )


def test_the_price_table_has_a_row_per_size_and_price_list() -> None:
    """Positions count within each size; sizes without prices have no row."""
    assert priced(
        size(1, prices=[euro("1.00", 9), euro(2, "36")]),
        size(2, prices=[]),
        size("S-3", prices=[euro(None, "36"), euro("", "40"), euro("3.50", "41")]),
    ) == [
        ("1", 0, "9", "1.00"), ("1", 1, "36", "2"),
        ("S-3", 0, "36", None), ("S-3", 1, "40", ""), ("S-3", 2, "41", "3.50"),
    ]  # fmt: skip


@pytest.mark.parametrize("nothing", [None, "", [], {}], ids=["null", "empty text", "empty list", "empty map"])
def test_a_size_without_prices_has_no_price_row(nothing: object) -> None:
    assert priced(size(1, prices=nothing), size(2)) == [("2", 0, "36", "10.00")]


def test_no_rows_give_an_empty_table_with_all_columns() -> None:
    """An empty catalogue empties the table without an error."""
    assert price_table([], Findings()).schema == price_table([size(1)], Findings()).schema
    assert price_table([], Findings()).num_rows == 0


def test_campaigns_are_stored_as_json() -> None:
    campaigns = [{"id": "40", "campaign": "Outlet", "price": "164.5"}]
    arrow_table = price_table([size(1, prices=[euro("1", campaigns=campaigns), euro("2")])], Findings())
    assert arrow_table["campaigns"].to_pylist() == ['[{"id":"40","campaign":"Outlet","price":"164.5"}]', None]


def test_unknown_fields_of_a_price_entry_are_stored() -> None:
    assert price_table([size(1, prices=[euro("1", market=5)])], Findings())["extra"].to_pylist() == ['{"market":5}']


@pytest.mark.parametrize(
    "prices",
    [
        pytest.param("329.00", id="text"),
        pytest.param({"EUR": {"price": 1}}, id="map of words"),
        pytest.param({"36": "329.00"}, id="map of texts"),
        pytest.param(0, id="number"),
        pytest.param(DuplicateKeyValue(([], None)), id="given twice"),
    ],
)
def test_prices_that_are_no_list_of_objects_are_kept_with_their_size(prices: object) -> None:
    """Raw; the other sizes have their prices."""
    rows, findings = [size(1), size(7002, sku="JKT", sizeSku="-M", prices=prices)], Findings()
    assert price_table(rows, findings)["stock_item_id"].to_pylist() == ["1"]
    assert ["prices" in json.loads(extra) for extra in product_table(rows, findings)["extra"].to_pylist()] == [
        False,
        True,
    ]
    assert findings.type_mismatches == {"prices": "Centra size 7002 ('JKT++-M')"}


def test_prices_as_an_object_with_whole_numbers_for_keys_are_a_list() -> None:
    """In the order in which they were sent."""
    rows = [size(1, prices={"36": euro("1.00"), "9": euro("2.00", "9")}), size(2, prices={"0": euro("3.00")})]
    assert priced(*rows) == [("1", 0, "36", "1.00"), ("1", 1, "9", "2.00"), ("2", 0, "36", "3.00")]
    assert not any("prices" in json.loads(extra) for extra in product_table(rows, Findings())["extra"].to_pylist())


@pytest.mark.parametrize(
    ("entry", "staged"),
    [
        pytest.param(euro(True), ("36", "EUR", "true", None), id="price is a flag"),
        pytest.param(euro({"amount": 1}), ("36", "EUR", '{"amount":1}', None), id="price is an object"),
        pytest.param(euro([]), ("36", "EUR", None, None), id="price is an empty map"),
        pytest.param(euro("1", currency=True), ("36", None, "1", '{"currency":true}'), id="currency is a flag"),
        pytest.param(euro("1", [36]), (None, "EUR", "1", '{"id":[36]}'), id="id is a list"),
        pytest.param(
            euro("1", DuplicateKeyValue(("36", "9"))),
            (None, "EUR", "1", '{"id":{"given_more_than_once":["36","9"]}}'),
            id="two ids",
        ),
    ],
)
def test_an_invalid_value_in_a_price_does_not_affect_other_prices(
    entry: dict[str, Any], staged: tuple[Any, ...]
) -> None:
    """It is staged as text that is no price, or kept raw."""
    findings = Findings()
    arrow_table = price_table([size(1), size(2, prices=[entry])], findings).to_pylist()
    assert arrow_table[0]["price"] == "10.00"
    assert tuple(arrow_table[1][name] for name in ("pricelist_id", "currency", "price", "extra")) == staged
    assert (staged[2] is None) == (findings.type_mismatches == {})


@pytest.mark.parametrize("entry", [None, "49.00", 49, [], True], ids=repr)
def test_a_price_entry_that_is_no_object_is_kept_with_its_size(entry: object) -> None:
    """Raw and with the other entries; only the other entries become price rows."""
    rows, findings = [size(1, prices=[euro("1"), entry]), size(2)], Findings()
    assert [row["price"] for row in price_table(rows, findings).to_pylist()] == ["1", "10.00"]
    extra = product_table(rows, findings)["extra"].to_pylist()
    assert json.loads(extra[0])["prices"][1] == entry
    assert "prices" not in json.loads(extra[1])
    assert list(findings.type_mismatches) == ["prices"]


def test_a_row_without_prices_is_kept_with_its_size() -> None:
    row = size(2)
    del row["prices"]
    assert priced(size(1), row) == [("1", 0, "36", "10.00")]
    extra = [json.loads(one) for one in product_table([size(1), row], Findings())["extra"].to_pylist()]
    assert ("prices" in extra[0], extra[1]["prices"]) == (False, {"missing": True})


@pytest.mark.parametrize("part", ["sku", "variantSku", "sizeSku"])
@pytest.mark.parametrize("value", [True, ["A"], {"a": 1}, "missing"], ids=repr)
def test_a_code_with_an_unreadable_part_has_no_parts(part: str, value: object) -> None:
    """The rest would be another size's code."""
    row = size(7, sku="JKT", variantSku="-BLU", sizeSku="-M") | {part: value}
    if value == "missing":
        del row[part]
    staged = product_table([size(1), row], Findings()).select(["sku", "variant_sku", "size_sku"]).to_pylist()
    assert staged == [{"sku": "SKU1", "variant_sku": "", "size_sku": ""}, dict.fromkeys(staged[1])]


def test_a_message_can_always_be_printed() -> None:
    """On one line and without control characters, for any code."""
    findings = Findings()
    product_table([size(1, sku="A\ud800\n\x1b[31m", prices=5)], findings)
    assert findings.type_mismatches["prices"].isprintable()


def test_all_pages_are_read_in_order() -> None:
    pages = [[size(n * 10 + k) for k in range(10)] for n in range(45)]
    assert [row["stockItemId"] for row in read(*pages)] == list(range(450))


def test_a_row_on_two_pages_is_counted_and_kept() -> None:
    """Whether its copies are equal is only known once all rows are there; 7 and "7" are the same size."""
    findings = Findings()
    rows = read(
        [size(1, name="first"), size(2), size(1, name="same page")],
        [size("2", name="next page"), size(3)],
        findings=findings,
    )
    assert [str(row["stockItemId"]) for row in rows] == ["1", "2", "1", "2", "3"]
    assert findings.repeated == 2


def test_the_page_before_again_is_an_error() -> None:
    """The page that should have come has other sizes, which were not read."""
    with pytest.raises(SourceError, match="page 2 has only sizes") as caught:
        read([size(1), size(2)], [size(1), size(2)])
    assert caught.value.outcome == "unavailable"


def test_a_page_may_have_only_sizes_that_were_read_before() -> None:
    """The list moved on by one size, or the same sizes are listed for another store."""
    assert len(read([size(1), size(2)], [size(2)])) == 3
    stores = [[size(n, store=store) for n in (1, 2)] for store in ("Retail", "Wholesale", "Outlet")]
    assert len(read(*stores)) == 6


def test_pages_without_an_end_are_an_error() -> None:
    with pytest.raises(SourceError, match="page 12 has only sizes"):
        read(*([size(1, name=str(page))] for page in range(100)))


def test_an_empty_catalogue_is_one_empty_batch() -> None:
    client: Any = Pages()
    assert list(_batches(client, "/products", Findings())) == [[]]


@pytest.mark.parametrize("row", [
    *(size(3) | {"stockItemId": wrong} for wrong in (None, "", True, [], 1.5, "\ud800")), {}, "x", None, [1], 5,
], ids=ascii)  # fmt: skip
def test_a_row_without_a_usable_id_does_not_affect_the_others(row: object) -> None:
    """It gets an id that no size has, the same in every read, and is reported."""
    findings = Findings()
    rows = read([size(1)], [size(2), row])
    assert [one["stockItemId"] for one in rows[:2]] == [1, 2]
    assert rows[2]["stockItemId"].startswith("(unreadable) ")
    assert rows[2]["stockItemId"] == read([row])[0]["stockItemId"]
    assert "stockItemId" in json.loads(product_table(rows, findings)["extra"].to_pylist()[2])
    assert "stockItemId" in findings.type_mismatches


def test_an_empty_shop_is_staged(shop_of: Callable[..., Shop]) -> None:
    """Through dlt into DuckDB; the run is refused by min_rows, without an internal error."""
    shop = shop_of()
    report = shop.run("plan")
    assert (report.outcome, report.exit_code) == ("refused", 4)
    assert shop.sql("select count(*) from raw_centra.products union all select count(*) from raw_centra.prices") == [
        (0,), (0,),
    ]  # fmt: skip


def test_the_staged_tables_hold_the_values_as_sent(shop_of: Callable[..., Shop]) -> None:
    """Ids above 2**53, digits of prices, empty text and null, blanks, unknown fields."""
    shop = shop_of(size(2**53 + 1, sku=" A", brand="", collection=None, prices=[euro("10.100")], costPrice="5.10"))
    shop.run("plan")
    assert shop.sql("select stock_item_id, sku, brand, collection, extra from raw_centra.products") == [
        (str(2**53 + 1), " A", "", None, '{"costPrice":"5.10"}')
    ]
    assert shop.sql("select stock_item_id, position, price from raw_centra.prices") == [(str(2**53 + 1), 0, "10.100")]
