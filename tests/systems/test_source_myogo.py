"""myOGO's lists on their way to the stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dlt.extract.exceptions import ResourceExtractionError

from pipelines.core.errors import ContractError
from pipelines.systems.arrow_columns import Findings
from pipelines.systems.myogo.source import myogo
from tests.support.shop import Shop, size


class Pages:
    """A client with these pages for every path."""

    def __init__(self, *pages: list[Any]) -> None:
        self.given = pages

    def pages(self, path: str, only: object = None) -> Iterator[list[Any]]:
        yield from self.given


def read(*pages: list[Any], resource: str = "products", findings: Findings | None = None) -> list[dict[str, Any]]:
    """The rows of one resource. Raises what the source raised, without dlt's wrapping."""
    client: Any = Pages(*pages)
    source = myogo(client, findings or Findings())
    try:
        return [row for batch in source.resources[resource] for row in batch.to_pylist()]
    except ResourceExtractionError as wrapped:
        raise wrapped.__cause__ or wrapped from None


def product(code: object, own: object = None, **fields: Any) -> dict[str, Any]:
    return {"id": own, "code": code, **fields}


@pytest.mark.parametrize("apart", [0, 1, 15], ids=["on one page", "on the next page", "in another batch"])
def test_a_product_that_moved_while_we_read_is_one_product(apart: int) -> None:
    """Told by its id; otherwise its code would seem to be held twice and be withheld."""
    pages: list[list[Any]] = [[product(f"P{n}", f"id-{n}")] for n in range(20)]
    pages[2 + apart].append(product("P2", "id-2", name="again"))
    findings = Findings()
    rows = read(*pages, findings=findings)
    assert [row["code"] for row in rows] == [f"P{n}" for n in range(20)]
    assert rows[2]["name"] is None
    assert findings.repeated == 1


def test_two_products_of_one_code_stay_two() -> None:
    """A data error in myOGO that TGT-001 is to find; with ids of their own or, in older answers, with none."""
    rows = read([product("A", "1"), product("A", "2"), product("B"), product("B"), product("C", ""), product("C", "")])
    assert [row["code"] for row in rows] == ["A", "A", "B", "B", "C", "C"]


def test_a_code_as_a_number_is_text() -> None:
    assert [row["code"] for row in read([product(1234567890123456789, 5)])] == ["1234567890123456789"]


@pytest.mark.parametrize("code", [None, "", True], ids=["null", "empty", "flag"])
def test_a_product_without_code_breaks_the_contract(code: object) -> None:
    with pytest.raises(ContractError, match="field 'code'"):
        read([product("A"), product(code)])


def test_a_row_that_is_no_object() -> None:
    with pytest.raises(ContractError, match="/api/v1/Products: row 2 of page 2 is no object"):
        read([product("A")], [product("B"), "x"])


def test_an_empty_warehouse() -> None:
    assert read() == []
    assert read(resource="stock") == []


def test_stock_counts_are_whole_numbers() -> None:
    row = {"productCode": "A", "stock": 5, "stockAvailable": "3", "reserved": 2, "modified": None}
    assert read([row], resource="stock")[0]["stock_available"] == 3
    with pytest.raises(ContractError, match="myOGO product 'B': field 'stock' is None"):
        read([row, row | {"productCode": "B", "stock": None}], resource="stock")


def test_the_stage_holds_what_was_said(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(size(1), myogo=[{"code": "OLD", "name": "", "customField": [1]}])
    shop.run("plan")
    assert shop.sql("select code, name from raw_myogo.products") == [("OLD", "")]
