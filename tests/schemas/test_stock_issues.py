"""The rules that withhold an amount from Centra, and its warnings."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from schemas.issues import COLUMNS
from schemas.stock.issues import failed_checks, similar_size_warnings, warnings, withheld
from tests.support.declared import RULES

Row = dict[str, Any]
VALID: Row = {
    "code": "A", "key": "A", "available": 3, "quantity": 3, "current": 1, "copies": 1, "size_count": 1,
    "stock_item_id": "1", "broken": "", "ean": None, "below_zero": False, "raised": False, "rises": True,
    "allocated_stock": 0, "kept_before": None, "orders_are_known": True,
    "unreadable_in_centra": None, "unreadable_in_myogo": None, "refused": None,
}  # fmt: skip
SIZES = pd.DataFrame({"stock_item_id": ["1", "2", "3"], "code": ["A", "TWICE", "TWICE"]}, dtype="str").assign(
    physical_stock=pd.array([1, 5, None], dtype="Int64")
)
BY_EAN: Row = {"code": "TWICE", "key": "7350000000016", "size_count": 2, "stock_item_id": "2"}
BOTH = "Centra shows 1; it should show 3."

BROKEN: list[tuple[Row, str, str]] = [
    ({"copies": 2}, "STOCK-001", f"myOGO has 2 rows for the code 'A'. {BOTH}"),
    ({"code": "TWICE", "size_count": 2, "stock_item_id": None, "key": None, "broken": None}, "STOCK-002",
     "2 sizes have the code 'TWICE', and no EAN identifies one of them. Centra shows 5 (size 2), ? (size 3); myOGO has "
     "3."),
    ({"broken": "PRICE-001, SKU-003, TGT-001"}, "STOCK-003",
     f"The size of 'A' is withheld from myOGO: SKU-003, TGT-001. {BOTH}"),
    # An EAN identifies the size, so that its shared code alone does not withhold it.
    (BY_EAN | {"broken": "SKU-002, SKU-003"}, "STOCK-003",
     f"The size of 'TWICE' is withheld from myOGO: SKU-003. {BOTH}"),
    ({"broken": "SKU-003", "current": None}, "STOCK-003",
     "The size of 'A' is withheld from myOGO: SKU-003. Centra shows no amount; it should show 3."),
    ({"key": None}, "STOCK-004", f"Another size has the EAN or UPC 'A', and this size has no EAN. {BOTH}"),
    ({"key": None, "ean": "735"}, "STOCK-004",
     f"Another size has the EAN or UPC 'A', and the EAN of this size (735) does not identify it either. {BOTH}"),
    ({"available": None, "quantity": None}, "STOCK-009",
     "Centra has 1 (size 1) of 'A' in stock, and myOGO shows neither a stock row nor a product."),
    ({"current": 5, "rises": False, "kept_before": 5}, "STOCK-011",
     "3 of 'A' was written, and Centra showed 5 right after it. Centra shows 5; it should show 3."),
    ({"current": 4, "rises": False, "kept_before": 5}, "STOCK-011",
     "3 of 'A' was written, and Centra showed 5 right after it. Centra shows 4; it should show 3."),
    ({"unreadable_in_centra": "physicalStock is null"}, "TYPE-003",
     "In Centra's stock list, physicalStock is null for size 1 ('A')."),
    ({"unreadable_in_myogo": 'stock is "many"'}, "TYPE-004",
     "In myOGO's stock list, stock is \"many\" for the code 'A'."),
    # The first rule counts.
    ({"copies": 2, "broken": "SKU-003"}, "STOCK-001", f"myOGO has 2 rows for the code 'A'. {BOTH}"),
]  # fmt: skip


def frame(*rows: Row) -> pd.DataFrame:
    made = pd.DataFrame([VALID | row for row in rows])
    texts = ("code", "key", "stock_item_id", "broken", "ean", "unreadable_in_centra", "unreadable_in_myogo", "refused")
    made = made.astype(dict.fromkeys(texts, "str"))
    return made.astype(dict.fromkeys(("available", "quantity", "current", "kept_before"), "Int64"))


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


@pytest.mark.parametrize("doubt", [{"copies": 2}, {"broken": "SKU-003"}, {"broken": "TGT-001, PRICE-002"}])
def test_a_doubt_about_the_identity_stops_a_rise_and_nothing_else(doubt: Row) -> None:
    """Nor an equal amount: nothing is withheld then."""
    changes: list[Row] = [{"rises": True}, {"rises": False, "current": 3}, {"rises": False, "current": 9}]
    assert list(failed_checks(frame(*(doubt | change for change in changes))) >= 0) == [True, False, False]


@pytest.mark.parametrize("rule", ["PRICE-001", "PRICE-002", "NAME-001", "LANG-001", "COO-001", "TYPE-001"])
def test_other_product_rules_do_not_stop_an_amount(rule: str) -> None:
    assert list(failed_checks(frame({"broken": rule}))) == [-1]


def test_an_amount_that_centra_did_not_keep_is_written_again_if_centra_shows_more() -> None:
    """Or shows the amount that it should."""
    rows = frame({"current": 6, "rises": False, "kept_before": 5}, {"current": 3, "rises": False, "kept_before": 5})
    assert list(failed_checks(rows)) == [-1, -1]


def test_without_the_orders_flow_allocated_units_are_a_warning() -> None:
    """For sizes that have any."""
    valid = frame(*({"orders_are_known": known, "allocated_stock": n} for known in (True, False) for n in (0, 4)))
    lines = warnings(valid.head(0), valid)
    assert list(zip(lines["rule"], lines["message"], strict=True)) == [
        ("STOCK-010", "Centra's orders have 4 of 'A' allocated. If myOGO has these orders too, Centra may show up to 4 "
         "too few."),
    ]  # fmt: skip


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
        {"code": "CASE-1", "available": 5, "stock_item_id": "1"}, {"code": "OLD", "available": 7, "stock_item_id": "2"}
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
    rows = frame({"broken": "SKU-005"}, {"broken": "PRICE-001, SKU-005"}, {"broken": "SKU-003, SKU-005"})
    assert list(failed_checks(rows) >= 0) == [False, False, True]
