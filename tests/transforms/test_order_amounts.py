"""The amounts of one order in Centra: its total, its lines, and the share of each shipment."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from tests.support.frames import texts
from tests.support.order_frames import Row, line, order_facts, order_row, orders_of, shipment
from transforms.order_lines import PickRules
from transforms.order_money import (
    OrderAmounts,
    OrderLine,
    order_amounts,
    unit_prices,
    units_by_line,
)
from transforms.price import plain_money


def taxed(line_id: str, price: Any, with_tax: Any, tax: Any = 25, qty: Any = 1) -> Row:
    return line(line_id, f"SKU{line_id}", qty, price=price, totalPriceWithTax=with_tax, taxPercent=tax)


def amounts_of(total: Any, *lines: OrderLine, **other: Any) -> OrderAmounts:
    """An order whose lines have the ids 1, 2, ...; `other` are its further amounts."""
    given = {"shipping_value": 5, "voucher_value": 0, "tax_added": None, "tax_deducted": None} | other
    known = {name: None if value is None else Decimal(str(value)) for name, value in given.items()}
    by_id = {str(n): one for n, one in enumerate(lines, start=1)}
    return OrderAmounts(None if total is None else Decimal(str(total)), lines=by_id, **known)


def sold(price: Any, qty: int = 1, tax: Any = 25, **fields: Any) -> OrderLine:
    """A line whose price for all units is with tax."""
    return OrderLine(
        qty, None, None if tax is None else Decimal(tax), Decimal(str(price)), **{"in_bundle": False} | fields
    )


UNPRICED = OrderLine(2, None, None, None, False)
BY_UNIT = OrderLine(2, Decimal(50), None, None, False)
MAKES: dict[str, tuple[OrderAmounts, bool]] = {
    "at the limit of one line": (amounts_of("105.06", sold(100)), True),
    "over it": (amounts_of("105.07", sold(100)), False),
    "under it": (amounts_of("104.93", sold(100)), False),
    "at the limit of two lines": (amounts_of("105.07", sold(60), sold(40)), True),
    "shipping without tax": (amounts_of("106.25", sold(100)), True),
    "shipping with the highest tax": (amounts_of("106.25", sold(60, tax=10), sold(40), sold(0, tax=None)), True),
    "a voucher without tax": (amounts_of(80, sold(100), voucher_value=20), True),
    "both without tax": (amounts_of("81.25", sold(100), voucher_value=20), True),
    "no tax known": (amounts_of("106.25", sold(100, tax=None)), False),
    "tax on top": (amounts_of(131, sold(100), tax_added=26), True),
    "tax taken off": (amounts_of(79, sold(100), tax_deducted=26), True),
    "tax on top and taken off": (amounts_of(125, sold(100), tax_added=26, tax_deducted=6), True),
    "tax neither on top nor in it": (amounts_of(118, sold(100), tax_added=26), False),
    "a price for each unit": (amounts_of(105, BY_UNIT), True),
    "another price for each unit": (amounts_of(55, BY_UNIT), False),
    "no lines": (amounts_of(5), True),
    "no lines, another total": (amounts_of(7), False),
    "total not known": (amounts_of(None, sold(100)), True),
    "shipping not known": (amounts_of(1, sold(100), shipping_value=None), True),
    "voucher not known": (amounts_of(1, sold(100), voucher_value=None), True),
    "a price not known": (amounts_of(1, sold(100), UNPRICED), True),
    "a bundle": (amounts_of(1, sold(100), sold(1, in_bundle=True)), True),
    "lines not known": (replace(amounts_of(1), lines=None), True),
}


@pytest.mark.parametrize("case", MAKES)
def test_the_amounts_of_an_order_make_its_total(case: str) -> None:
    """With shipping and voucher with or without tax, and a cent for each line; or it cannot be said."""
    amounts, makes = MAKES[case]
    assert (amounts.contradiction() == "") == makes


@pytest.mark.parametrize(
    ("amounts", "quantities", "share"),
    [
        (amounts_of(105, sold(100)), {"1": 1}, "105.00"),
        (amounts_of(105, sold(60), sold(40, 4)), {"2": 1}, "10.50"),
        (amounts_of(105, sold(60), sold(40, 4)), {"1": 1, "2": 2}, "84.00"),
        (amounts_of(105, sold(60), sold(40, 4)), {"1": 1, "2": 4}, "105.00"),
        (amounts_of("0.25", sold(1), sold(1)), {"1": 1}, "0.12"),
        (amounts_of("0.35", sold(1), sold(1)), {"1": 1}, "0.18"),
        (amounts_of(105, sold(100), sold(0, 0)), {"2": 0}, "0.00"),
        (amounts_of(105, UNPRICED), {"1": 2}, "105.00"),
        (amounts_of(105, UNPRICED), {"1": 1}, None),
        (amounts_of(105, sold(1), UNPRICED), {"1": 1}, None),
        (amounts_of(105, sold(0, 2)), {"1": 1}, None),
        (amounts_of(105, sold("0.50", 2)), {"1": 1}, "52.50"),
        (amounts_of(105, sold(100), sold(50, is_goods=False)), {"1": 1}, "105.00"),
        (amounts_of(105, sold(50, 2), sold(50, is_goods=False)), {"1": 1, "2": 1}, "52.50"),
        (amounts_of(105, sold(100)), {"1": 1, "9": 1}, None),
        (amounts_of(105, sold(100)), None, None),
        (amounts_of(None, sold(100)), {"1": 1}, None),
        (replace(amounts_of(105), lines=None), {"1": 1}, None),
    ],
)
def test_a_shipment_costs_its_share_of_the_order(amounts: OrderAmounts, quantities: Any, share: str | None) -> None:
    """In proportion to the prices of its goods; all goods cost the total, whatever their prices."""
    found = amounts.share(quantities)
    assert (None if found is None else str(found)) == share


def test_a_line_costs_its_price_with_tax_or_else_that_of_its_units() -> None:
    assert [sold(99, 2).total, BY_UNIT.total, UNPRICED.total] == [Decimal(99), Decimal(100), None]


FLAGS: list[tuple[Row, bool]] = [
    *(({"isPartOfBundle": flag}, False) for flag in ("", " ", "0", 0, False, "false", "False", None)),
    *(({"isPartOfBundle": flag}, True) for flag in ("13", 13, True, "1")),
    *(({"isBundle": flag}, True) for flag in (True, 1, "1", "true")),
    *(({"isBundle": flag}, False) for flag in (False, 0, "0", "", None, "yes")),
    ({"bundle": [line("2", "B")]}, False),
]


@pytest.mark.parametrize(("fields", "in_bundle"), FLAGS)
def test_a_line_of_a_bundle_is_recognised(fields: Row, in_bundle: bool) -> None:
    facts = order_facts(order_row(line("1", "A", "3", price="9.999999", **fields)))
    (known,) = order_amounts(facts.orders, facts.lines, PickRules()).values()
    assert known.lines == {"1": OrderLine(3, Decimal(10), None, None, in_bundle)}


def test_orders_are_read_with_all_their_amounts() -> None:
    """An order that is listed twice, and lines that cannot be distinguished."""
    gift = taxed("2", 8, 10, qty=None)
    rows = [
        order_row(taxed("1", 80, "100.00"), gift, shippingValue="5.00", voucherValue=1, taxAdded="2", taxDeducted=3,
                  grandTotalValue=105),
        order_row(line("1", "A"), line("1", "B"), orderId="2"), order_row(line(None, "A"), orderId="3"),
        order_row(orderId="4", products=[], grandTotalValue="?"),
    ]  # fmt: skip
    facts = order_facts(*rows)
    twice = pd.concat([facts.orders, facts.orders.head(1).assign(total="1")])
    known = order_amounts(twice, facts.lines, PickRules(not_goods=("SKU2",)))
    lines = {
        "1": OrderLine(1, Decimal(80), Decimal(25), Decimal(100), False),
        "2": OrderLine(0, Decimal(8), Decimal(25), Decimal(10), False, is_goods=False),
    }
    assert known["1"] == OrderAmounts(Decimal(105), Decimal(5), Decimal(1), Decimal(2), Decimal(3), lines)
    assert [known[one].lines for one in ("2", "3", "4")] == [None, None, None]
    assert (known["4"].total, known["4"].shipping_value, list(known)) == (None, None, ["1", "2", "3", "4"])


def test_the_units_of_each_line_are_known_or_none_of_the_shipment() -> None:
    lines = pd.DataFrame(
        {
            "source_id": texts(["1", "1", "1", "2", "2", "2", "3", "4", "5"]),
            "line_id": texts(["a", "b", "c", "a", "a", "b", None, "a", "a"]),
            "quantity": pd.array([2, 3, 4, 1, 1, 1, 1, None, 0], dtype="Int64"),
            "inside": pd.array([None, None, 0, None, None, None, None, None, None], dtype="Int64"),
        }
    )
    assert units_by_line(lines) == {"1": {"a": 2, "b": 3}, "2": None, "3": None, "4": None, "5": {"a": 0}}


@pytest.mark.parametrize(
    ("price", "gross", "qty", "expected"),
    [
        ("100.01", "100", 1, "100.01"), ("100.02", "100", 1, None), ("99.98", "100", 1, None),
        ("79.992", "100", 1, "100.00"), ("80.008", "100", 1, "100.00"), ("79.99", "100", 1, None),
        ("80", "200", 2, "100.00"), ("80", "300", 3, "100.00"), ("80", "100", 0, "80"), ("80", "100", None, "80"),
        ("80", None, 1, "80"), (None, "100", 1, "None"), ("x", "100", 1, "None"), ("100", "200", 2, "100"),
        ("26.664", "99.99", 3, "33.33"),
    ],
)  # fmt: skip
def test_a_price_may_differ_from_that_of_its_order_by_a_cent(price: Any, gross: Any, qty: Any, expected: Any) -> None:
    """None for a contradiction. A line without units, or whose order does not say its price, keeps its own."""
    of_order = line("1", "A", qty, price=price, totalPriceWithTax=gross, taxPercent=25)
    known = order_facts(order_row(of_order, line("2", "B"))).lines
    lines = pd.DataFrame(
        {"source_id": ["1-1"] * 2, "order_id": ["1"] * 2, "line_id": ["1", "9"], "price": texts([price, "5"])}
    ).set_axis([7, 3])
    prices, contradictions = unit_prices(lines, known)
    assert list(prices.index) == [7, 3]
    assert prices[3] == Decimal(5)
    assert (contradictions == {}) == (expected is not None)
    if expected is not None:
        assert str(prices[7] if prices[7] is None else plain_money(prices[7]).normalize()) == (
            expected if expected == "None" else str(Decimal(expected).normalize())
        )


def test_at_most_three_contradictions_are_named() -> None:
    """Not those of bundles, whose price may be that of their contents."""
    goods = [taxed(str(n), 80 + n, 300) for n in range(1, 5)] + [taxed("5", 1, 300) | {"isBundle": True}]
    (made,) = orders_of(shipment(*goods), orders=[order_row(*goods)]).to_dict("records")
    assert made["amount_problem"] == "; ".join(
        f"line {n} costs {80 + n}.00 each, and 300.00 in its order" for n in range(1, 4)
    )


@pytest.mark.parametrize("own", ["5", None, "five"])
def test_an_order_that_is_not_listed_has_its_own_total(own: str | None) -> None:
    """Null if it is none."""
    (made,) = orders_of(shipment(grandTotalValue=own), orders=[]).to_dict("records")
    assert (None if pd.isna(made["price_total"]) else made["price_total"]) == (Decimal(5) if own == "5" else None)
