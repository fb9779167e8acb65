"""myOGO's stock levels become amounts for Centra's sizes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.support.frames import plain_list, texts
from transforms.stock import Params, address_sizes, compared, similar_sizes, to_centra

Row = dict[str, Any]
EAN_1, EAN_2 = "7350000000016", "7350000000023"


def levels(*rows: tuple[str, int, int], kind: str = "physical") -> pd.DataFrame:
    """The amounts made from rows of myOGO's stock list: code, stock, available."""
    listed = pd.DataFrame(rows, columns=["product_code", "stock", "stock_available"]).astype({"product_code": "str"})
    return to_centra(listed, Params(stock_update_type=kind))


def addressed(*sizes: tuple[str, str | None], codes: list[str], eans: dict[str, str] | None = None) -> list[Row]:
    """For each code of myOGO: the number of sizes with it, the size it belongs to, and the text for Centra. `sizes` are
    code and EAN of the sizes 1, 2 and so on, `eans` myOGO's EANs by code."""
    columns: dict[str, list[Any]] = {"stock_item_id": [str(n) for n in range(1, len(sizes) + 1)]}
    columns |= {"code": [code for code, _ in sizes], "ean": [ean for _, ean in sizes]}
    rows = address_sizes(
        levels(*((code, 1, 1) for code in codes)),
        pd.DataFrame({name: texts(cells) for name, cells in columns.items()}),
        pd.Series(eans or {}, dtype="str"),
    )
    assert list(rows["code"]) == codes
    return list(zip(rows["size_count"], plain_list(rows["stock_item_id"]), plain_list(rows["key"]), strict=True))


def test_the_amount_depends_on_the_stock_update_type_of_the_plugin() -> None:
    """Physical: the stock in the warehouse. FTA: the free stock."""
    assert list(levels(("A", 12, 9))["quantity"]) == [12]
    assert list(levels(("A", 12, 9), kind="fta")["quantity"]) == [9]


def test_a_negative_amount_becomes_zero() -> None:
    rows = levels(("A", 2, -3), ("B", 2, 0), ("C", 2, 1), kind="fta")
    assert list(rows["quantity"]) == [0, 0, 1]
    assert list(rows["below_zero"]) == [True, False, False]


def test_a_code_that_is_listed_twice_is_counted() -> None:
    """Its amount is that of the first row."""
    rows = levels(("A", 3, 0), ("B", 4, 0), ("A", 5, 0))
    assert rows[["code", "quantity", "copies"]].to_dict("records") == [
        {"code": "A", "quantity": 3, "copies": 2}, {"code": "B", "quantity": 4, "copies": 1},
    ]  # fmt: skip
    assert list(rows.index) == [0, 1]


def test_a_code_identifies_its_only_size() -> None:
    assert addressed(("A", None), ("B", EAN_1), codes=["A", "B", "X"]) == [
        (1, "1", "A"), (1, "2", "B"), (0, None, None),
    ]  # fmt: skip


def test_sizes_without_a_code_are_not_identified() -> None:
    assert addressed(("", None), ("A", None), codes=["A", ""]) == [(1, "2", "A"), (0, None, None)]


def test_the_ean_of_myogo_distinguishes_two_sizes_of_one_code() -> None:
    """The EAN is written, because the code could mean the other size."""
    sizes = (("A", EAN_1), ("A", EAN_2))
    assert addressed(*sizes, codes=["A"], eans={"A": EAN_2}) == [(2, "2", EAN_2)]
    assert addressed(*sizes, codes=["A"]) == [(2, None, None)]
    assert addressed(*sizes, codes=["A"], eans={"A": "7350000000030"}) == [(2, None, None)]
    assert addressed(("A", EAN_1), ("A", EAN_1), codes=["A"], eans={"A": EAN_1}) == [(2, None, None)]


def test_eans_identify_a_size_with_any_number_of_leading_zeros() -> None:
    """Two sizes with one GTIN, or a code that is another size's GTIN, are ambiguous; zeros and words identify none."""
    sizes = (("A", "012345678905"), ("A", EAN_2))
    assert addressed(*sizes, codes=["A"], eans={"A": "0012345678905"}) == [(2, "1", "012345678905")]
    assert addressed(sizes[0], ("A", "0012345678905"), codes=["A"], eans={"A": "0012345678905"}) == [(2, None, None)]
    assert addressed(("012345678905", EAN_2), ("B", "0012345678905"), codes=["012345678905"]) == [(1, "1", EAN_2)]
    for none in ("0000000000000", "n/a", "-"):
        assert addressed(("A", none), ("A", EAN_1), codes=["A"], eans={"A": none}) == [(2, None, None)]


def test_a_renamed_size_is_found_by_its_code_in_myogo_and_written_by_that_in_centra() -> None:
    """Or by its EAN if its code in Centra could mean another size."""

    def keys(*sizes: tuple[str, str, str | None], codes: list[str]) -> list[Any]:
        """Code in myOGO, code in Centra and EAN of each size."""
        ids = [str(number) for number in range(1, len(sizes) + 1)]
        columns = {"stock_item_id": ids, "code": [known for known, _, _ in sizes], "ean": [ean for *_, ean in sizes]}
        frame = pd.DataFrame({name: texts(cells) for name, cells in columns.items()})
        own = pd.Series([own for _, own, _ in sizes], index=ids, dtype="str")
        rows = address_sizes(levels(*((code, 1, 1) for code in codes)), frame, pd.Series(dtype="str"), own)
        return list(zip(plain_list(rows["stock_item_id"]), plain_list(rows["key"]), strict=True))

    assert keys(("OLD", "NEW", None), codes=["OLD", "NEW"]) == [("1", "NEW"), (None, None)]
    assert keys(("A", "B", None), ("B", "A", None), codes=["A", "B"]) == [("1", "B"), ("2", "A")]
    assert keys(("OLD", "NEW", EAN_1), ("X", "NEW", None), codes=["OLD"]) == [("1", EAN_1)]
    assert keys(("OLD", "", EAN_1), codes=["OLD"]) == [("1", EAN_1)]
    assert keys(("OLD", "", None), codes=["OLD"]) == [("1", None)]


@pytest.mark.parametrize(
    ("code", "in_myogo"), [("Case-1", "CASE-1"), ("AB 1", "AB1"), ("A100", "\u0410100"), ("A-1", "\uff21-1")]
)
def test_goods_under_a_code_that_looks_like_a_sizes_code_are_found(code: str, in_myogo: str) -> None:
    """Also if myOGO has the size's code too, or if it has no units, unless both is so."""
    sizes = pd.DataFrame({"stock_item_id": ["1", "2"], "code": [code, ""], "ean": [None, None]}, dtype="str")

    def similar(*listed: tuple[str, int, int]) -> list[Any]:
        rows = address_sizes(levels(*listed), sizes, pd.Series(dtype="str"))
        found = similar_sizes(rows, sizes, pd.Series(dtype="str"))
        return found[["code", "quantity", "similar_code", "has_same_ean", "stock_item_id"]].to_numpy().tolist()

    assert similar((in_myogo, 5, 5), ("OTHER", 3, 3)) == [[in_myogo, 5, code, False, "1"]]
    assert similar((in_myogo, 5, 5), (code, 0, 0)) == [[in_myogo, 5, code, False, "1"]]
    assert similar((in_myogo, 0, 0)) == [[in_myogo, 0, code, False, "1"]]
    assert similar((in_myogo, 0, 0), (code, 0, 0)) == []
    assert similar((code, 5, 5)) == []


def test_goods_with_the_ean_of_a_size_are_found() -> None:
    """Unless several sizes have it. The EAN goes before a code that looks alike."""
    frame = pd.DataFrame(
        {"stock_item_id": ["1", "2", "3", "4"], "code": list("ABCD"), "ean": ["012345678905", EAN_1, EAN_2, EAN_2]},
        dtype="str",
    )
    eans = pd.Series({"OLD": "0012345678905", "b": "012345678905", "X": EAN_2, "Y": "n/a"}, dtype="str")
    rows = address_sizes(levels(*((code, 2, 2) for code in ("OLD", "b", "X", "Y"))), frame, eans)
    found = similar_sizes(rows, frame, eans)
    assert found[["code", "similar_code", "has_same_ean"]].to_numpy().tolist() == [["OLD", "A", True], ["b", "A", True]]


def test_the_ean_of_a_size_with_another_code_does_not_count() -> None:
    sizes = (("A", None), ("A", None), ("B", EAN_1))
    assert addressed(*sizes, codes=["A"], eans={"A": EAN_1}) == [(2, None, None)]


def test_a_code_that_is_another_sizes_ean_is_not_written() -> None:
    """The size is written by its own EAN, if that is not ambiguous either. The other size keeps its code."""
    assert addressed((EAN_1, EAN_2), ("B", EAN_1), codes=[EAN_1, "B"]) == [(1, "1", EAN_2), (1, "2", "B")]
    assert addressed((EAN_1, None), ("B", EAN_1), codes=[EAN_1]) == [(1, "1", None)]
    assert addressed((EAN_1, EAN_2), (EAN_2, EAN_1), codes=[EAN_1]) == [(1, "1", None)]
    assert addressed((EAN_1, EAN_1), codes=[EAN_1]) == [(1, "1", EAN_1)]


def test_an_amount_that_centra_raised_to_its_allocation_counts_as_written() -> None:
    """Until the allocation or the amount changes; not for free amounts, to which Centra adds what it has allocated."""
    rows = pd.DataFrame(
        {"quantity": [3, 3, 3, 4, 3], "physical_stock": [4, 4, 9, 4, None], "allocated_stock": [4, 0, 4, 4, None],
         "available_stock": [0, 4, 5, 0, None]}
    ).astype("Int64")  # fmt: skip
    physical = compared(rows, Params())
    assert list(physical["raised"]) == [True, False, False, False, False]
    assert plain_list(physical["current"]) == [3, 4, 9, 4, None]
    free = compared(rows, Params(stock_update_type="fta"))
    assert not free["raised"].any()
    assert plain_list(free["current"]) == [0, 4, 5, 0, None]
