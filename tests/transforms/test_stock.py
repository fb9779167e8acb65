"""myOGO's stock levels become amounts for Centra's sizes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.support.frames import plain_list, texts
from transforms.stock import Params, address_sizes, similar_sizes, to_centra, with_amounts, with_missing

Row = dict[str, Any]
EAN_1, EAN_2 = "7350000000016", "7350000000023"
UPC = "012345678905"
NO_UNITS = pd.DataFrame(columns=["taken", "waiting", "leaving"], dtype="int64")


def levels(*rows: tuple[str, int | None]) -> pd.DataFrame:
    """The levels made from rows of myOGO's stock list: code and available units."""
    listed = pd.DataFrame(rows, columns=["product_code", "stock_available"])
    listed = listed.astype({"product_code": "str", "stock_available": "Int64"})
    return to_centra(listed, Params())


def sizes_of(*sizes: tuple[str, str | None] | tuple[str, str | None, str | None] | Row) -> pd.DataFrame:
    """Sizes 1, 2 and so on, each with code, EAN and UPC, or as a row of columns."""
    rows = [one if isinstance(one, dict) else dict(zip(("code", "ean", "upc"), one, strict=False)) for one in sizes]
    columns = ("stock_item_id", "code", "ean", "upc")
    numbered = [{"stock_item_id": str(n)} | row for n, row in enumerate(rows, start=1)]
    frame = pd.DataFrame({name: texts([row.get(name) for row in numbered]) for name in columns})
    return frame.assign(active=pd.Series([row.get("active", True) for row in numbered], dtype=bool))


def addressed(*sizes: Any, codes: list[str], eans: dict[str, str] | None = None) -> list[Row]:
    """For each code of myOGO: the number of sizes with it, the size it belongs to, and the text for Centra. `eans` are
    myOGO's EANs by code."""
    listed = levels(*((code, 1) for code in codes))
    rows = address_sizes(listed, sizes_of(*sizes), pd.Series(eans or {}, dtype="str"))
    assert list(rows["code"]) == codes
    return list(zip(rows["size_count"], plain_list(rows["stock_item_id"]), plain_list(rows["key"]), strict=True))


def amounts(*rows: Row, kind: Any = "physical", units: dict[str, Row] | None = None) -> pd.DataFrame:
    """The amounts of codes A, B and so on; each row has `available`, `physical`, `allocated` and `free`."""
    columns = {"available": "available", "physical": "physical_stock", "allocated": "allocated_stock",
               "free": "available_stock"}  # fmt: skip
    made = {column: pd.array([row.get(name) for row in rows], dtype="Int64") for name, column in columns.items()}
    frame = pd.DataFrame({"code": texts([chr(65 + n) for n in range(len(rows))])} | made)
    known = pd.DataFrame.from_dict(units or {}, orient="index", columns=["taken", "waiting", "leaving"])
    return with_amounts(frame, known.fillna(0).astype("int64"), Params(stock_update_type=kind))


def test_an_amount_is_what_is_available_and_what_our_orders_have_taken() -> None:
    """Free amounts: less all that Centra has allocated. In each case Centra then has 9 - 2 free: two are sold in Centra
    that myOGO does not have yet."""
    rows = ({"available": 9, "physical": 1, "allocated": 5, "free": 0},)
    units = {"A": {"taken": 3, "waiting": 2}}
    assert plain_list(amounts(*rows, units=units)["quantity"]) == [12]
    assert plain_list(amounts(*rows, units=units, kind="fta")["quantity"]) == [7]


def test_taken_units_count_only_as_far_as_centra_has_allocated_them() -> None:
    """What Centra has allocated counts for the orders that myOGO does not have yet first."""
    rows = [{"available": 9, "physical": 9, "allocated": n} for n in (0, 2, 3, 4, 9, None)]
    units = {code: {"taken": 2, "waiting": 2} for code in "ABCDEF"}
    assert plain_list(amounts(*rows, units=units)["quantity"]) == [9, 9, 10, 11, 11, 9]
    nothing_allocated = amounts({"available": 9, "physical": 9}, units={"A": {"taken": 2}})
    assert plain_list(nothing_allocated["quantity"]) == [9]


def test_shipments_that_this_run_completes_have_left_centra() -> None:
    """Before: 10 available, 3 shipped and still allocated. The run writes nothing, whether the completion succeeds or
    not: the amount is right before and after it."""
    rows = ({"available": 10, "physical": 13, "allocated": 3}, {"available": 10, "physical": 12, "allocated": 3})
    leaving = {code: {"taken": 0, "waiting": 0, "leaving": 3} for code in "AB"}
    made = amounts(*rows, units=leaving)
    assert list(zip(made["quantity"], made["current"], strict=True)) == [(10, 10), (10, 9)]
    assert not made["raised"].any()


def test_a_negative_amount_becomes_zero() -> None:
    rows = amounts({"available": -3}, {"available": 0}, {"available": 1}, {"available": None})
    assert plain_list(rows["quantity"]) == [0, 0, 1, None]
    assert list(rows["below_zero"]) == [True, False, False, False]
    assert {str(rows[name].dtype) for name in ("quantity", "current", "allocated_stock")} == {"Int64"}
    assert {str(rows[name].dtype) for name in ("below_zero", "raised", "rises")} == {"bool"}


def test_more_units_can_leave_than_centra_has_allocated() -> None:
    """As after somebody released a part of them in Centra: then nothing is allocated, not less."""
    row = {"available": 5, "physical": 2, "allocated": 1, "free": 5}
    leaving = {"A": {"leaving": 3}}
    assert plain_list(amounts(row, units=leaving, kind="fta")["quantity"]) == [5]
    physical = amounts(row, units=leaving)
    assert plain_list(physical["allocated_stock"]) == [0]
    assert plain_list(physical["current"]) == [0]


def test_the_amounts_of_a_code_that_is_listed_twice_are_added_up() -> None:
    rows = levels(("A", 3), ("B", 4), ("A", 5))
    assert rows[["code", "available", "copies"]].to_dict("records") == [
        {"code": "A", "available": 8, "copies": 2}, {"code": "B", "available": 4, "copies": 1},
    ]  # fmt: skip
    assert list(rows.index) == [0, 1]


def test_a_code_that_the_stock_list_leaves_out_takes_the_amount_of_its_product() -> None:
    """Zero, more or less; an amount is unknown if there is no product, or its amount is. Codes that myOGO lacks and
    that Centra does not have in stock, sizes without a code and listed codes get no row."""
    wanted = pd.DataFrame(
        {"code": texts(["LISTED", "ZERO", "SEVEN", "TWICE", "UNKNOWN", "ABSENT", "SOLD OUT", "", "FREE", "ONE", "ONE",
                        "NULL", "NEITHER"]),
         "physical_stock": pd.array([5, 5, 0, 5, 5, 5, 0, 5, None, 1, 1, 0, None], dtype="Int64"),
         "available_stock": pd.array([5, 5, 0, 5, 5, 5, 0, 5, 1, 0, 0, None, None], dtype="Int64")}
    )  # fmt: skip
    products = pd.DataFrame(
        {"code": texts(["LISTED", "ZERO", "SEVEN", "TWICE", "TWICE", "UNKNOWN", "OTHER"]),
         "stock_available": pd.array([9, 0, 7, 1, 2, None, 4], dtype="Int64")}
    )  # fmt: skip
    made = with_missing(levels(("LISTED", 3)), wanted, products)
    assert list(made.index) == list(range(len(made)))
    assert str(made["available"].dtype) == "Int64"
    rows = made.sort_values("code")
    assert list(zip(rows["code"], plain_list(rows["available"]), rows["copies"], strict=True)) == [
        ("ABSENT", None, 1), ("FREE", None, 1), ("LISTED", 3, 1), ("ONE", None, 1), ("SEVEN", 7, 1), ("TWICE", 3, 2),
        ("UNKNOWN", None, 1), ("ZERO", 0, 1),
    ]  # fmt: skip
    assert len(with_missing(levels(), wanted.head(0), products)) == 0
    alone = with_missing(levels(), wanted[wanted["code"] == "ABSENT"], products)
    assert (list(alone.columns), plain_list(alone.iloc[0])) == (["code", "available", "copies"], ["ABSENT", None, 1])


@pytest.mark.parametrize(
    ("text", "units"),
    [("7", 7), (" +7 ", 7), ("-7", -7), ("7.", 7), ("7.00", 7), ("007", 7), ("9" * 15, 10**15 - 1), ("7.5", None),
     ("9" * 16, None), ("seven", None), ("7e2", None), ("", None), (None, None)],
)  # fmt: skip
def test_the_amount_of_a_product_is_a_whole_number(text: str | None, units: int | None) -> None:
    """Otherwise the amount of the size is unknown."""
    wanted = pd.DataFrame({"code": texts(["A"]), "physical_stock": [1], "available_stock": [1]})
    products = pd.DataFrame({"code": texts(["A"]), "stock_available": texts([text])})
    made = with_missing(levels(("LISTED", 3)), wanted, products)
    assert made[["code", "available", "copies"]].astype(object).replace({pd.NA: None}).to_numpy().tolist() == [
        ["LISTED", 3, 1], ["A", units, 1],
    ]  # fmt: skip


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
        frame = sizes_of(*((known, ean) for known, _, ean in sizes))
        own = pd.Series([own for _, own, _ in sizes], index=list(frame["stock_item_id"]), dtype="str")
        rows = address_sizes(levels(*((code, 1) for code in codes)), frame, pd.Series(dtype="str"), own)
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
    sizes = sizes_of((code, None), ("", None))

    def similar(*listed: tuple[str, int | None]) -> list[Any]:
        rows = address_sizes(levels(*listed), sizes, pd.Series(dtype="str"))
        found = similar_sizes(rows, sizes, pd.Series(dtype="str"))
        return found[["code", "available", "similar_code", "has_same_ean", "stock_item_id"]].to_numpy().tolist()

    assert similar((in_myogo, 5), ("OTHER", 3)) == [[in_myogo, 5, code, False, "1"]]
    assert similar((in_myogo, 5), (code, 0)) == [[in_myogo, 5, code, False, "1"]]
    assert similar((in_myogo, 0)) == [[in_myogo, 0, code, False, "1"]]
    assert similar((in_myogo, 1), (code, 0)) == [[in_myogo, 1, code, False, "1"]]
    assert similar((in_myogo, 0), (code, 0)) == []
    assert similar((in_myogo, None), (code, 0)) == []
    assert similar((code, 5)) == []


def test_goods_with_the_ean_of_a_size_are_found() -> None:
    """Unless several sizes have it. The EAN goes before a code that looks alike."""
    frame = sizes_of(("A", "012345678905"), ("B", EAN_1), ("C", EAN_2), ("D", EAN_2))
    eans = pd.Series({"OLD": "0012345678905", "b": "012345678905", "X": EAN_2, "Y": "n/a"}, dtype="str")
    rows = address_sizes(levels(*((code, 2) for code in ("OLD", "b", "X", "Y"))), frame, eans)
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


def test_a_upc_identifies_a_size_and_can_be_ambiguous_too() -> None:
    """A code that equals another size's UPC is ambiguous; so is an EAN. A size with only a UPC is written by it."""
    assert addressed(("A", None, UPC), ("B", EAN_1), codes=["A"]) == [(1, "1", "A")]
    assert addressed((UPC, EAN_1), ("B", None, UPC), codes=[UPC, "B"]) == [(1, "1", EAN_1), (1, "2", "B")]
    assert addressed((UPC, None), ("B", None, UPC), codes=[UPC]) == [(1, "1", None)]
    assert addressed((EAN_1, None, UPC), ("B", EAN_1), codes=[EAN_1]) == [(1, "1", UPC)]
    assert addressed((EAN_1, EAN_2, UPC), ("B", EAN_1), ("C", UPC, EAN_2), codes=[EAN_1]) == [(1, "1", None)]


def test_an_inactive_copy_of_a_size_does_not_block_it() -> None:
    """Its code and EAN mean the active size as far as known; a text that only it has is used first. Two active sizes,
    or two inactive ones, stay ambiguous."""
    copy = {"code": "A", "ean": EAN_1, "active": False}
    assert addressed(("A", EAN_1), copy, codes=["A"]) == [(1, "1", "A")]
    assert addressed(copy, ("A", EAN_1, UPC), codes=["A"]) == [(1, "2", UPC)]
    assert addressed(copy, ("A", EAN_2), copy, codes=["A"]) == [(1, "2", EAN_2)]
    assert addressed((EAN_1, None), {"code": "B", "ean": EAN_1, "active": False}, codes=[EAN_1]) == [(1, "1", EAN_1)]
    assert addressed(("A", EAN_1), ("A", EAN_1), copy, codes=["A"]) == [(2, None, None)]
    assert addressed(copy, copy, codes=["A"]) == [(2, None, None)]
    assert addressed(copy, codes=["A"]) == [(1, "1", "A")]


def test_an_amount_that_centra_raised_to_its_allocation_counts_as_written() -> None:
    """Until the allocation or the amount changes; not for free amounts, to which Centra adds what it has allocated."""
    rows = (
        {"available": 3, "physical": 4, "allocated": 4, "free": 0}, {"available": 3, "physical": 4, "allocated": 0},
        {"available": 3, "physical": 9, "allocated": 4}, {"available": 4, "physical": 4, "allocated": 4},
        {"available": 3},
    )  # fmt: skip
    physical = amounts(*rows)
    assert list(physical["raised"]) == [True, False, False, False, False]
    assert plain_list(physical["current"]) == [3, 4, 9, 4, None]
    assert list(physical["rises"]) == [False, False, False, False, True]
    free = amounts(*rows, kind="fta")
    assert not free["raised"].any()
    assert plain_list(free["current"]) == [0, None, None, None, None]
    assert str(free["current"].dtype) == "Int64"
    assert plain_list(free["quantity"]) == [0, 3, 0, 0, 3]


def test_goods_that_belong_to_no_size_are_not_similar() -> None:
    """Not to a size without a code either, whatever its EAN."""
    frame = sizes_of(("", EAN_1), ("A", None))
    eans = pd.Series({"OLD": EAN_1}, dtype="str")
    found = similar_sizes(address_sizes(levels(("OLD", 2)), frame, eans), frame, eans)
    assert (len(found), {"similar_code", "has_same_ean", "stock_item_id"} <= {*found.columns}) == (0, True)


def test_of_two_sizes_that_look_like_the_goods_the_first_is_named() -> None:
    """And the rows found get a new index."""
    frame = sizes_of(("Ab-1", None), ("AB-1", None), ("X", None))
    no_eans = pd.Series(dtype="str")
    rows = address_sizes(levels(("X", 1), ("aB-1", 2), ("OTHER", 1), ("ab-1", 3)), frame, no_eans)
    found = similar_sizes(rows, frame, no_eans)
    assert found[["code", "similar_code", "stock_item_id"]].to_dict("index") == {
        0: {"code": "aB-1", "similar_code": "Ab-1", "stock_item_id": "1"},
        1: {"code": "ab-1", "similar_code": "Ab-1", "stock_item_id": "1"},
    }
    assert "index" not in found.columns
    assert found["has_same_ean"].dtype == bool


def test_amounts_keep_the_index_of_their_rows() -> None:
    rows = pd.DataFrame(
        {"code": texts(["A", "B"]), **{name: pd.array([5, 4], dtype="Int64") for name in
         ("available", "physical_stock", "allocated_stock", "available_stock")}}
    ).set_axis([7, 3])  # fmt: skip
    units = pd.DataFrame({"taken": [1], "waiting": [0], "leaving": [0]}, index=["B"])
    made = with_amounts(rows, units, Params())
    assert made["quantity"].to_dict() == {7: 5, 3: 5}
    assert made["rises"].to_dict() == {7: False, 3: True}


def test_a_size_is_addressed_in_any_index() -> None:
    """With the other columns of the size, and each code in its row."""
    frame = sizes_of(("A", EAN_1), ("B", None, UPC), ("B", EAN_2)).assign(brand=texts(["Acme", "Other", "Third"]))
    rows = address_sizes(levels(("B", 1), ("C", 2), ("A", 3)).set_axis([7, 3, 5]), frame.set_axis([9, 8, 2]),
                         pd.Series({"B": EAN_2}, dtype="str"))  # fmt: skip
    assert rows[["code", "size_count", "stock_item_id", "brand", "key"]].astype(object).replace(
        {float("nan"): None}
    ).to_numpy().tolist() == [["B", 2, "3", "Third", EAN_2], ["C", 0, None, None, None], ["A", 1, "1", "Acme", "A"]]
    assert "gtin" not in rows.columns
