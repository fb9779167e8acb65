"""Which lines of an order the warehouse gets: goods, and those that lie in our warehouse."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from tests.support.frames import texts
from tests.support.order_frames import Row, line, numbered, order_facts, order_of, orders_of, shipment
from transforms.order_lines import is_true, payment_due, plain


def picked(*rows: Row, **params: Any) -> list[Any]:
    """Units by code of each shipment: the problem in words for lines that are unclear, None for nothing to pick."""
    made = orders_of(*numbered(*rows), **params)
    return [
        row.line_problem if isinstance(row.line_problem, str)
        else None if row.nothing_to_pick
        else {one["code"]: one["quantity"] for one in json.loads(row.lines)}
        for row in made.itertuples()
    ]  # fmt: skip


GIFT = [
    (("GIFT-*",), {"A": 1}),
    (("GIFT-50",), {"A": 1}),
    (("gift-*",), {"A": 1, "GIFT-50": 1}),  # codes differ by case
    ((), {"A": 1, "GIFT-50": 1}),
]


@pytest.mark.parametrize(("patterns", "units"), GIFT)
def test_lines_that_are_no_goods_are_left_out(patterns: tuple[str, ...], units: dict[str, int]) -> None:
    row = shipment(line("1", "A"), line("2", "GIFT-50"))
    assert picked(row, not_goods=patterns) == [units]


def test_codes_are_no_goods_by_their_category() -> None:
    rows = numbered(shipment(line("1", "A"), line("2", "B")), shipment(line("1", "B")))
    facts = order_facts(*map(order_of, rows), codes=("B",))
    assert picked(*rows, not_goods=("Gift cards",), facts=facts) == [{"A": 1}, None]


def test_a_line_that_is_no_goods_is_no_problem() -> None:
    """Whatever is wrong with it; and an order of such lines alone has nothing to pick."""
    rows = [
        shipment(line("1", "A"), line("2", "GIFT", None)), shipment(line("1", "GIFT")),
        shipment(line("1", "SERVICE"), line("2", "GIFT")),
    ]  # fmt: skip
    assert picked(*rows, not_goods=("GIFT", "SERVICE")) == [{"A": 1}, None, None]
    (one, two, three) = orders_of(*numbered(*rows), not_goods=("GIFT", "SERVICE"))["no_goods"]
    assert (one, two, three) == ("'GIFT'", "'GIFT'", "'SERVICE', 'GIFT'")


def at(*places: tuple[str, Any]) -> Row:
    return {"warehouses": [{"name": name, "itemQty": quantity} for name, quantity in places]}


UNCLEAR = "a line does not say how many units lie in which warehouse"
WAREHOUSES: dict[str, tuple[Row, Any]] = {
    "ours": (line("1", "A", 2, **at(("OGOship", "2"))), {"A": 2}),
    "ours in other letters": (line("1", "A", 2, **at((" ogoSHIP", 2))), {"A": 2}),
    "our second one": (line("1", "A", 2, **at(("OGOship 2", 1), ("OGOship", 1))), {"A": 2}),
    "another one": (line("1", "A", 2, **at(("Store", "2"))), None),
    "both": (line("1", "A", 3, **at(("Store", "2"), ("OGOship", "1"))), {"A": 1}),
    "none of it in the other": (line("1", "A", 3, **at(("Store", "0"), ("OGOship", "3"))), {"A": 3}),
    "none of it in ours": (line("1", "A", 3, **at(("Store", 3), ("OGOship", 0))), None),
    "both, unclear": (line("1", "A", 3, **at(("Store", "2"), ("OGOship", "x"))), UNCLEAR),
    "none": (line("1", "A", warehouses=[]), UNCLEAR),
    "not said": (line("1", "A"), UNCLEAR),
    "unreadable": (line("1", "A", warehouses="OGOship"), UNCLEAR),
    "contents of a bundle": (line("1", "S", isBundle=True, bundle=[line("2", "A")], **at(("OGOship", 1))), {"A": 1}),
    "contents elsewhere": (line("1", "S", isBundle=True, bundle=[line("2", "A")], **at(("Store", 1))), None),
}


@pytest.mark.parametrize("case", WAREHOUSES)
def test_only_lines_in_our_warehouse_are_picked(case: str) -> None:
    row, units = WAREHOUSES[case]
    assert picked(shipment(row), warehouses=("OGOship", "OGOship 2")) == [units]


def test_without_the_setting_every_line_is_ours() -> None:
    rows = [shipment(line("1", "A", 2, **fields)) for fields in (at(("Store", 2)), {}, {"warehouses": "?"})]
    assert picked(*rows) == [{"A": 2}] * 3


def test_lines_elsewhere_are_left_out_of_a_shipment() -> None:
    """They are not named like lines that are no goods: another warehouse sends them."""
    row = shipment(line("1", "A", **at(("OGOship", 1))), line("2", "B", **at(("Store", 1))))
    (made,) = orders_of(row, warehouses=("OGOship",)).to_dict("records")
    assert (json.loads(made["codes"]), made["no_goods"], pd.isna(made["line_problem"])) == (["A"], "", True)


SET = {"isBundle": True, "price": "0"}
PROBLEMS: dict[str, tuple[list[Row], Row, Any]] = {
    "a bundle ordered twice": (
        [line("1", "S", 2, **SET, bundle=[line("2", "A")])], {},
        "a bundle ordered more than once lists its contents, and contents_are is not set"),
    "a bundle ordered once": ([line("1", "S", **SET, bundle=[line("2", "A")])], {}, {"A": 1}),
    "a bundle ordered twice, each": (
        [line("1", "S", 2, **SET, bundle=[line("2", "A", 3)])], {"contents_are": "each"}, {"A": 6}),
    "a bundle ordered twice, total": (
        [line("1", "S", 2, **SET, bundle=[line("2", "A", 3)])], {"contents_are": "total"}, {"A": 3}),
    "a bundle of no goods ordered twice": (
        [line("1", "S", 2, **SET, bundle=[line("2", "CARD")]), line("3", "A")], {"not_goods": ("CARD",)}, {"A": 1}),
    "a bundle next to components of others": (
        [line("1", "S", **SET), line("2", "A", isPartOfBundle="1"), line("3", "T", **SET)], {},
        "a bundle is listed next to items that may or may not be its contents"),
    "a bundle that only lists no contents": ([line("1", "S", **SET), line("2", "A")], {}, {"S": 1, "A": 1}),
    "two bundles without contents": ([line("1", "S", **SET), line("2", "T", **SET)], {}, {"S": 1, "T": 1}),
    "two bundles and one set of components": (
        [line("1", "S", **SET), line("2", "T", **SET), line("3", "A", isPartOfBundle="13")], {},
        "a bundle is listed next to items that may or may not be its contents"),
    "two bundles and two sets of components": (
        [line("1", "S", **SET), line("2", "T", **SET), line("3", "A", isPartOfBundle="13"),
         line("4", "B", isPartOfBundle="14"), line("5", "C", isPartOfBundle="14")], {}, {"A": 1, "B": 1, "C": 1}),
    "contents that are also listed next to it": (
        [line("1", "S", **SET, bundle=[line("2", "A")]), line("3", "A", isPartOfBundle="1")], {}, {"A": 1}),
    "a flag that is neither": (
        [line("1", "A", isBundle="yes"), line("2", "B", isBundle=2)], {}, "isBundle of a line is neither 0 nor 1"),
    "flags as texts": ([line(str(n), f"A{n}", isBundle=flag) for n, flag in enumerate(("0", "FALSE", "", None, 0))], {},
                       {f"A{n}": 1 for n in range(5)}),
    "a flag inside a bundle": ([line("1", "S", **SET, bundle=[line("2", "A", isBundle="yes")])], {}, {"A": 1}),
    "no quantity": ([line("1", "A", None)], {}, "a line's quantity is not a number above zero"),
    "a quantity of zero": ([line("1", "A", 0), line("2", "B", 0)], {}, "a line's quantity is not a number above zero"),
    "no code": ([line("1", "", 1)], {}, "a line has no code"),
    "neither": ([line("1", "", 0)], {}, "a line's quantity is not a number above zero; a line has no code"),
    "a quantity that cannot be read": (
        [line("1", "A", "1.5"), line("2", "B", "two")], {},
        "a line cannot be read: qty is \"1.5\"; a line's quantity is not a number above zero"),
    "a code that cannot be read": ([line("1", 1.5)], {}, "a line has no code"),
    "a bundle that is no list": ([line("1", "S", **SET, bundle="A")], {}, None),
    "an unknown field": ([line("1", "A", newField=1.5)], {}, {"A": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_wrong_with_the_lines_is_said(case: str) -> None:
    """The same for each of two orders, whose lines have the same ids; an order with goods only has no problem."""
    lines, params, expected = PROBLEMS[case]
    found = picked(shipment(*lines), shipment(line("1", "A")), shipment(*lines), **params)
    assert found[1:] == [{"A": 1}, found[0]]
    if expected is None:
        assert found[0].startswith("a line cannot be read: ")
    else:
        assert found[0] == expected


def test_a_code_that_is_kept_in_myogo_is_picked_under_its_old_name() -> None:
    """Patterns and reports about what is left out use the code in Centra."""
    rows = numbered(shipment(line("1", "NEW"), line("2", "B")), shipment(line("1", "B"), line("2", "NEW")))
    facts = order_facts(*map(order_of, rows))
    kept = replace(facts, kept_codes={"NEW": "OLD"})
    assert picked(*rows, facts=kept) == [{"OLD": 1, "B": 1}, {"B": 1, "OLD": 1}]
    assert picked(*rows, facts=kept, not_goods=("NEW",)) == [{"B": 1}, {"B": 1}]
    assert list(orders_of(*rows, facts=kept, not_goods=("NEW",))["no_goods"]) == ["'NEW'"] * 2
    assert picked(*rows, facts=kept, not_goods=("OLD",)) == [{"OLD": 1, "B": 1}, {"B": 1, "OLD": 1}]


def test_a_content_lies_where_its_bundle_lies_unless_it_says_so_itself() -> None:
    """Of the same order: in another one, the line at this place lies elsewhere."""
    own = line("2", "A", **at(("Store", 1)))
    rows = [
        shipment(line("1", "S", isBundle=True, bundle=[own, line("3", "B")], **at(("OGOship", 1)))),
        shipment(line("1", "S", isBundle=True, bundle=[line("2", "A")], **at(("Store", 1))), line("3", "C",
                 **at(("OGOship", 1)))),
    ]  # fmt: skip
    assert picked(*rows, warehouses=("OGOship",)) == [{"B": 1}, {"C": 1}]


def test_the_units_in_our_warehouse_are_per_bundle_too() -> None:
    content = line("2", "A", 3, **at(("OGOship", 2), ("Store", 1)))
    row = shipment(line("1", "S", 2, isBundle=True, bundle=[content]))
    assert picked(row, warehouses=("OGOship",), contents_are="each") == [{"A": 4}]
    assert picked(row, warehouses=("OGOship",), contents_are="total") == [{"A": 2}]


@pytest.mark.parametrize(
    ("flag", "plain_text", "true"),
    [("1", "1", True), ('"1"', "1", True), ("true", "true", True), ('"TRUE "', "true", True), ("0", "0", False),
     ('""', "", False), (None, "", False), ("2", "2", False), ('"yes"', "yes", False)],
)  # fmt: skip
def test_a_flag_is_read_in_every_form(flag: str | None, plain_text: str, true: bool) -> None:
    assert list(plain(texts([flag]))) == [plain_text]
    assert list(is_true(texts([flag]))) == [true]


@pytest.mark.parametrize(
    ("paid", "should_capture", "due"),
    [("0", "1", True), ("0", None, True), (None, '""', True), ("1", "1", False), ("true", "1", False),
     ("0", "0", False), ("0", "false", False), ("0", '"False"', False)],
)  # fmt: skip
def test_a_payment_is_due_unless_it_is_paid_or_not_to_be_captured(
    paid: str | None, should_capture: str | None, due: bool
) -> None:
    frame = pd.DataFrame({"paid": texts([paid]), "should_capture": texts([should_capture])})
    assert list(payment_due(frame)) == [due]
