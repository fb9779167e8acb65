"""myOGO's lists become staged tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dlt.extract.exceptions import ResourceExtractionError

from pipelines.systems.arrow_columns import Findings
from pipelines.systems.myogo.source import myogo
from tests.support.shop import Shop, size


class Pages:
    """A stand-in for the client that returns these pages for every path."""

    def __init__(self, *pages: list[Any]) -> None:
        self.listed_pages = pages

    def pages(self, path: str, only: object = None) -> Iterator[list[Any]]:
        yield from self.listed_pages


def read(*pages: list[Any], resource: str = "products", findings: Findings | None = None) -> list[dict[str, Any]]:
    """The rows of one resource. Raises the source's exception without dlt's wrapper."""
    client: Any = Pages(*pages)
    source = myogo(client, findings or Findings())
    try:
        return [row for batch in source.resources[resource] for row in batch.to_pylist()]
    except ResourceExtractionError as wrapped:
        raise wrapped.__cause__ or wrapped from None


def product(code: object, product_id: object = None, **fields: Any) -> dict[str, Any]:
    return {"id": product_id, "code": code, **fields}


@pytest.mark.parametrize("pages_apart", [0, 1, 15], ids=["on one page", "on the next page", "in another batch"])
def test_a_product_that_moved_between_pages_is_read_once(pages_apart: int) -> None:
    """Recognised by its id; otherwise its code would look like a duplicate and be withheld."""
    pages: list[list[Any]] = [[product(f"P{n}", f"id-{n}")] for n in range(20)]
    pages[2 + pages_apart].append(product("P2", "id-2", name="again"))
    findings = Findings()
    rows = read(*pages, findings=findings)
    assert [row["code"] for row in rows] == [f"P{n}" for n in range(20)]
    assert rows[2]["name"] is None
    assert findings.repeated == 1


def test_two_products_with_one_code_are_both_read() -> None:
    """A data error in myOGO that TGT-001 must find; with different ids or, in older answers, without ids."""
    rows = read([product("A", "1"), product("A", "2"), product("B"), product("B"), product("C", ""), product("C", "")])
    assert [row["code"] for row in rows] == ["A", "A", "B", "B", "C", "C"]


def test_a_code_as_a_number_is_text() -> None:
    assert [row["code"] for row in read([product(1234567890123456789, 5)])] == ["1234567890123456789"]


@pytest.mark.parametrize("row", [product(None), product(""), product(True), {}, "x", None, [1]], ids=repr)
def test_a_row_without_a_code_does_not_affect_the_others(row: object) -> None:
    """It gets a key that no product has, the same in every read, and is reported."""
    findings = Findings()
    rows = read([product("A")], [product("B"), row], findings=findings)
    assert [one["code"] for one in rows[:2]] == ["A", "B"]
    assert rows[2]["code"].startswith("(unreadable) ")
    assert rows[2]["code"] == read([row])[0]["code"]
    assert list(findings.type_mismatches) == ["code"]


def test_an_empty_myogo_gives_no_rows() -> None:
    assert read() == []
    assert read(resource="stock") == []


def test_stock_counts_are_integers() -> None:
    row = {"productCode": "A", "stock": 5, "stockAvailable": "3", "reserved": 2, "modified": None}
    assert read([row], resource="stock")[0]["stock_available"] == 3
    findings = Findings()
    unknown = read([row, row | {"productCode": "B", "stock": None}], resource="stock", findings=findings)[1]
    assert (unknown["stock"], unknown["stock_available"], unknown["extra"]) == (None, 3, '{"stock":null}')
    assert findings.type_mismatches == {"stock": "myOGO product 'B'"}


def test_the_staged_tables_hold_the_values_as_sent(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1), myogo=[{"code": "OLD", "name": "", "customField": [1]}])
    shop.run("plan")
    assert shop.sql("select code, name from raw_myogo.products") == [("OLD", "")]
