"""The rules that withhold an amount from Centra, and its warnings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from schemas.issues import COLUMNS
from schemas.stock.issues import failed_checks, similar_size_warnings, warnings, withheld
from tests.support.declared import RULES

Row = dict[str, Any]
VALID: Row = {
    "code": "A", "key": "A", "quantity": 3, "copies": 1, "size_count": 1, "stock_item_id": "1", "broken": "",
    "ean": None, "below_zero": False, "raised": False, "allocated_stock": 0,
    "unreadable_in_centra": None, "unreadable_in_myogo": None, "refused": None,
}  # fmt: skip
SIZES = pd.DataFrame({"stock_item_id": ["1", "2", "3"], "code": ["A", "TWICE", "TWICE"]}, dtype="str")
BY_EAN: Row = {"code": "TWICE", "key": "7350000000016", "size_count": 2, "stock_item_id": "2"}

BROKEN: list[tuple[Row, str, str]] = [
    ({"copies": 2}, "STOCK-001", "myOGO's stock list has 2 rows for the code 'A'."),
    ({"code": "TWICE", "size_count": 2, "stock_item_id": None, "key": None, "broken": None}, "STOCK-002",
     "2 sizes (2, 3) have the code 'TWICE', and no EAN identifies one of them."),
    ({"broken": "PRICE-001, COO-001"}, "STOCK-003", "The size of 'A' is withheld from myOGO: PRICE-001, COO-001."),
    # An EAN identifies the size, so that its shared code alone does not withhold it.
    (BY_EAN | {"broken": "SKU-002, PRICE-001"}, "STOCK-003",
     "The size of 'TWICE' is withheld from myOGO: SKU-002, PRICE-001."),
    ({"key": None}, "STOCK-004", "Another size has the EAN 'A', and this size has no EAN."),
    ({"key": None, "ean": "735"}, "STOCK-004",
     "Another size has the EAN 'A', and the EAN of this size (735) does not identify it either."),
    ({"unreadable_in_centra": "physicalStock is null"}, "TYPE-003",
     "In Centra's stock list, physicalStock is null for size 1 ('A')."),
    ({"unreadable_in_myogo": 'stock is "many"'}, "TYPE-004",
     "In myOGO's stock list, stock is \"many\" for the code 'A'."),
    # The first rule counts.
    ({"copies": 2, "broken": "PRICE-001", "key": None}, "STOCK-001",
     "myOGO's stock list has 2 rows for the code 'A'."),
]  # fmt: skip


def frame(*rows: Row) -> pd.DataFrame:
    made = pd.DataFrame([VALID | row for row in rows])
    return made.astype(
        dict.fromkeys(
            ("code", "key", "stock_item_id", "broken", "ean", "unreadable_in_centra", "unreadable_in_myogo", "refused"),
            "str",
        )
    )


def test_each_rule_withholds_its_amount_with_a_message() -> None:
    """A code of several sizes is listed under the first of them."""
    rows = frame(*(row for row, _, _ in BROKEN), {}, BY_EAN, BY_EAN | {"broken": "SKU-002"})
    failed = failed_checks(rows)
    assert list(failed[len(BROKEN) :]) == [-1] * 3
    issues = withheld(rows, failed, SIZES)
    assert list(issues.columns) == COLUMNS
    found = sorted(zip(issues["rule"], issues["message"], strict=True))
    assert found == sorted((rule, message) for _, rule, message in BROKEN)
    assert dict(zip(issues["code"], issues["source_id"], strict=True)) == {"A": "1", "TWICE": "2"}
    for rule, fix, place in zip(issues["rule"], issues["fix"], issues["fix_in"], strict=True):
        assert (fix, place) == (RULES[rule].fix, RULES[rule].fix_in)


def test_an_amount_below_zero_or_raised_by_centra_is_a_warning() -> None:
    """Goods that the warehouse could not identify too, unless Centra has a size with their code."""
    valid = frame({"below_zero": True}, {"raised": True, "allocated_stock": 4}, {"refused": "It is a bundle."}, {})
    rows = frame({"code": "XX-9", "size_count": 0}, {"code": "XX-1"}, {"code": "OTHER", "size_count": 0})
    lines = warnings(rows, valid)
    assert list(zip(lines["code"], lines["rule"], lines["message"], strict=True)) == [
        ("A", "STOCK-005", "myOGO's own amount is below zero."),
        ("A", "STOCK-006", "myOGO has 3 of 'A'; Centra keeps the 4 that its orders have allocated."),
        ("A", "STOCK-020", "3 of 'A' is not sent again. Centra's answer was: It is a bundle."),
        ("XX-9", "STOCK-007", "'XX-9', 3 units."),
    ]


def test_goods_under_a_code_like_that_of_a_size_are_a_warning_with_both_amounts() -> None:
    similar = frame(
        {"code": "CASE-1", "quantity": 5, "stock_item_id": "1"}, {"code": "OLD", "quantity": 7, "stock_item_id": "2"}
    ).assign(similar_code=["Case-1", "NEW"], has_same_ean=[False, True])
    lines = similar_size_warnings(similar, pd.Series({"1": 0, "2": None}, dtype="Int64"))
    assert list(zip(lines["source_id"], lines["rule"], lines["message"], strict=True)) == [
        ("1", "STOCK-008", "myOGO has 5 of 'CASE-1', a code that no size has. Centra's 'Case-1' looks like it and "
         "shows 0: it does not get that amount."),
        ("2", "STOCK-008", "myOGO has 7 of 'OLD', a code that no size has. Centra's 'NEW' has the same EAN and shows "
         "no amount: it does not get that amount."),
    ]  # fmt: skip
    assert similar_size_warnings(similar.iloc[:0], pd.Series(dtype="Int64")).empty


def test_a_renamed_size_is_not_withheld_from_stock() -> None:
    """SKU-005 alone leaves the amount of the code by which myOGO knows the size."""
    rows = frame({"broken": "SKU-005"}, {"broken": "PRICE-001, SKU-005"}, {"broken": "SKU-005, TYPE-001"})
    assert list(failed_checks(rows)) == [-1, 4, 4]
