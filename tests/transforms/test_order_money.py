"""What each shipment costs and collects, checked against its order in Centra."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.frames import texts
from tests.support.order_frames import Row, line, order_facts, order_row, orders_of, shipment
from transforms.order_money import (
    OrderAmounts,
    OrderLine,
    settled,
    with_amounts,
)

CASH = {"paymentPlugin": "COD"}
SHIPPED = {"shippingValue": 5, "voucherValue": 0}


def priced(line_id: str, price: Any, qty: int = 1, **fields: Any) -> Row:
    """A line whose price includes tax, as an order and a shipment list it."""
    return line(line_id, f"SKU{line_id}", qty, price=price, **fields)


def parcel(count: int, *lines: Row, **fields: Any) -> Row:
    return shipment(*lines, shipmentId=f"1-{count}", **(CASH | fields))


def cash(*parcels: Row, order: Row, collected: dict[str, Any] | None = None, **params: Any) -> list[Any]:
    """What each parcel collects on delivery; the problem in words for one that is withheld. `collected` are the amounts
    of the references that myOGO has."""
    in_myogo = pd.DataFrame(
        [
            ("1", reference, None if amount is None else Decimal(str(amount)))
            for reference, amount in (collected or {}).items()
        ],
        columns=["order_id", "reference", "amount"],
        dtype=object,
    )
    facts = order_facts(order, collected=in_myogo)
    made = orders_of(*parcels, facts=facts, cash_on_delivery=("cod",), **params)
    return [
        row.amount_problem
        or (None if pd.isna(row.cash_on_delivery) else str(json.loads(row.cash_on_delivery, parse_float=str)["amount"]))
        for row in made.itertuples()
    ]


@pytest.mark.parametrize(
    ("shipping", "voucher", "total", "collects"),
    [
        (5, 0, 105, "105.00"),
        (5, 20, 85, "85.00"),
        (0, 100, 0, None),
        (0, "99.99", "0.01", "0.01"),
        ("4.95", "0.00", "104.95", "104.95"),
    ],
    ids=["shipping", "a voucher too", "paid by the voucher", "but for a cent", "texts"],
)
def test_cash_on_delivery_is_the_total_of_the_order(
    shipping: Any, voucher: Any, total: Any, collects: str | None
) -> None:
    """Not of the goods in the shipment, whatever the shipment's own total says."""
    order = order_row(priced("1", 100), grandTotalValue=total, shippingValue=shipping, voucherValue=voucher)
    assert cash(parcel(1, priced("1", 100), grandTotalValue="100"), order=order) == [collects]
    assert cash(parcel(1, priced("1", 100), grandTotalValue=None), order=order) == [collects]


TWO = [priced("1", 60), priced("2", 40)]
THREE = [priced("1", "33.33"), priced("2", "33.33"), priced("3", "33.34")]
SEVERAL: dict[str, tuple[list[list[Row]], list[Row], Any, list[str]]] = {
    "two parcels": ([[TWO[0]], [TWO[1]]], TWO, 105, ["63.00", "42.00"]),
    "with a voucher": ([[TWO[0]], [TWO[1]]], TWO, 85, ["51.00", "34.00"]),
    "three parcels": ([[one] for one in THREE], THREE, 105, ["35.00", "35.00", "35.00"]),
    "a line in two parcels": ([[priced("1", 50, 2)], [priced("1", 50, 1)]], [priced("1", 50, 3)], 100,
                              ["66.67", "33.33"]),
    "a rest of rounding": ([[priced("1", 1)], [priced("2", 1)], [priced("3", 1)]],
                           [priced("1", 1), priced("2", 1), priced("3", 1)], 100, ["33.33", "33.33", "33.34"]),
}  # fmt: skip


@pytest.mark.parametrize("case", SEVERAL)
def test_the_parcels_of_an_order_collect_its_total(case: str) -> None:
    """Whatever each shipment gives as its total: that of its goods, or that of the complete order."""
    parcels, lines, total, expected = SEVERAL[case]
    order = order_row(*lines, grandTotalValue=total)
    for own in ("1", total):
        rows = [parcel(count, *goods, grandTotalValue=own) for count, goods in enumerate(parcels, start=1)]
        assert cash(*rows, order=order) == expected
    assert sum(map(Decimal, expected)) == total


def test_a_later_parcel_collects_the_rest() -> None:
    """What myOGO has from us counts, whatever happened to it except a cancellation, which collects nothing (null)."""
    order = order_row(*TWO, grandTotalValue=105)
    second = parcel(2, TWO[1])
    assert cash(second, order=order, collected={"demo-1-1": "63.02"}) == ["41.98"]
    assert cash(second, order=order, collected={"demo-1-1": None}) == ["42.00"]
    assert cash(second, order=order_row(*TWO, priced("3", 10), grandTotalValue=110)) == ["40.00"]  # another one follows
    (problem,) = cash(second, order=order, collected={"demo-1-1": 105})
    assert problem == (
        "its parcels would collect 147.00, 105.00 of it by parcels that myOGO has, but its total is 105.00"
    )


@pytest.mark.parametrize("with_gift_card", [True, False], ids=["in the shipment", "not in the shipment"])
def test_the_parcels_collect_the_price_of_a_gift_card_too(with_gift_card: bool) -> None:
    """No parcel contains it, so its price is spread over those with goods; whether a shipment lists it or not."""
    gift = priced("3", 50)
    order = order_row(*TWO, gift, grandTotalValue=155)
    first = [TWO[0], gift] if with_gift_card else [TWO[0]]
    rows = [parcel(1, *first), parcel(2, TWO[1])]
    assert cash(*rows, order=order, not_goods=("SKU3",)) == ["93.00", "62.00"]
    assert cash(parcel(1, *TWO), order=order, not_goods=("SKU3",)) == ["155.00"]
    assert cash(parcel(1, *TWO), order=order) == ["103.33"]


UNKNOWN: list[tuple[Row, Row]] = [
    (parcel(1, priced("9", 10)), order_row(priced("1", 100), grandTotalValue=105)),  # a line that its order lacks
    (parcel(1, priced("1", 100)), order_row(priced("1", 100), grandTotalValue=None)),
    (parcel(1, priced("1", 100)), order_row(priced("1", 100), orderId="2", grandTotalValue=105)),  # no order at all
    (parcel(1, priced("1", 0)), order_row(priced("1", 0), priced("2", 0), grandTotalValue=5)),  # nothing to divide by
]


@pytest.mark.parametrize(("row", "order"), UNKNOWN)
def test_cash_on_delivery_that_is_not_known_withholds_the_order(row: Row, order: Row) -> None:
    words = "it is paid on delivery, and it is not known what it costs with its order's shipping"
    assert cash(row, order=order) == [words]
    assert cash(row, order=order, amounts_must_match=False) == [words]


class Unshuffled(Random):
    def shuffle(self, x: Any) -> None:
        """Leaves the sequence as it is."""


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 20_000)), min_size=1, max_size=5),
    st.integers(1, 100_000),
    st.randoms(use_true_random=False),
)
@example([(1, 5204), (3, 10), (1, 1), (1, 1), (3, 104)], 100, Unshuffled())  # six cents of the last are taken before
@example([(1, 50), (1, 50), (1, 50), (1, 50), (1, 1)], 3, Unshuffled())
@example([(1, 3), (1, 3), (1, 3), (1, 3), (1, 3)], 3, Unshuffled())  # five shares of half a cent or more
def test_any_parcels_of_any_order_collect_its_total(lines: list[tuple[int, int]], cents: int, order: Random) -> None:
    """In any sequence, whether they are sent at once or one by one; each parcel has one line."""
    total = Decimal(cents) / 100
    known = {str(n): OrderLine(qty, Decimal(each) / 100, None, None, False) for n, (qty, each) in enumerate(lines)}
    amounts = OrderAmounts(total, None, None, None, None, known)
    sequence = sorted(known)
    order.shuffle(sequence)
    shares = {one: amounts.share({one: known[one].quantity}) or Decimal(0) for one in sequence}
    at_once, problem = settled(shares, total, Decimal(0))
    assert (sum(at_once.values()), problem, min(at_once.values()) >= 0) == (total, "", True)
    collected = Decimal(0)
    for one, share in shares.items():
        amount, problem = settled({one: share}, total, collected)
        collected += amount[one]
        assert (problem, amount[one] >= 0) == ("", True)
    assert collected == total


@pytest.mark.parametrize(("share", "collects", "is_problem"), [("0.10", "0", False), ("0.11", "0.11", True)])
def test_a_parcel_after_the_total_was_reached_is_rounding_up_to_ten_cents(
    share: str, collects: str, is_problem: bool
) -> None:
    """Five that were taken for a difference, and five that its share itself differs by."""
    amounts, problem = settled({"2": Decimal(share)}, Decimal(100), Decimal(100))
    assert (amounts, bool(problem)) == ({"2": Decimal(collects)}, is_problem)


def test_an_order_without_parcels_is_settled() -> None:
    assert settled({}, Decimal(100), Decimal(100)) == ({}, "")


# Prices with and without tax


def taxed(line_id: str, price: Any, with_tax: Any, tax: Any = 25, qty: int = 1) -> Row:
    return priced(line_id, price, qty, totalPriceWithTax=with_tax, taxPercent=tax)


PRICES: dict[str, tuple[Row, Row, Any]] = {
    "with tax": (priced("1", 100), taxed("1", 100, 100), Decimal(100)),
    "without tax": (priced("1", 80), taxed("1", 80, 100), Decimal(100)),
    "without tax, two units": (priced("1", "39.92", 2), taxed("1", "39.92", "99.80", qty=2), Decimal("49.90")),
    "without tax, rounded": (priced("1", "79.68"), taxed("1", "79.68", "100", "25.5"), Decimal(100)),
    "no tax": (priced("1", 80), taxed("1", 80, 80, 0), Decimal(80)),
    "not said": (priced("1", 80), priced("1", 80), Decimal(80)),
    "neither": (priced("1", 80), taxed("1", 80, 90), "line 1 costs 80.00 each, and 90.00 in its order"),
    "a tax that is not said": (priced("1", 80), taxed("1", 80, 100, None),
                               "line 1 costs 80.00 each, and 100.00 in its order"),
    "a changed price": (priced("1", 100), taxed("1", 80, 80), "line 1 costs 100.00 each, and 80.00 in its order"),
}  # fmt: skip


@pytest.mark.parametrize("case", PRICES)
def test_a_price_is_sent_with_tax_or_withheld(case: str) -> None:
    of_shipment, of_order, expected = PRICES[case]
    (made,) = orders_of(shipment(of_shipment), orders=[order_row(of_order)]).to_dict("records")
    if isinstance(expected, str):
        assert made["amount_problem"] == expected
        (made,) = orders_of(shipment(of_shipment), orders=[order_row(of_order)], amounts_must_match=False).to_dict(
            "records"
        )
        assert made["amount_problem"] == ""
    else:
        (sent,) = json.loads(made["lines"], parse_float=Decimal, parse_int=Decimal)
        assert (made["amount_problem"], sent["unitPrice"]) == ("", expected)


TOTALS: dict[str, tuple[Row, str]] = {
    "adds up": ({"grandTotalValue": 105, **SHIPPED}, ""),
    "a voucher": ({"grandTotalValue": 85, "shippingValue": 5, "voucherValue": 20}, ""),
    "taxed shipping": ({"grandTotalValue": "106.25", **SHIPPED}, ""),
    "a cent of rounding": ({"grandTotalValue": "105.01", **SHIPPED}, ""),
    "tax on top": ({"grandTotalValue": 131, "taxAdded": "26.00", **SHIPPED}, ""),
    "shipping not said": ({"grandTotalValue": 90}, ""),
    "net": ({"grandTotalValue": 85, **SHIPPED},
            "lines 100.00, shipping 5.00 and voucher -0.00 make 105.00, but its total is 85.00"),
    "too little": ({"grandTotalValue": "104.50", **SHIPPED},
                   "lines 100.00, shipping 5.00 and voucher -0.00 make 105.00, but its total is 104.50"),
    "a voucher that is not taken off": ({"grandTotalValue": 105, "shippingValue": 5, "voucherValue": 20},
                                        "lines 100.00, shipping 5.00 and voucher -20.00 make 85.00, but its total "
                                        "is 105.00"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOTALS)
def test_an_order_whose_amounts_do_not_make_its_total_is_withheld(case: str) -> None:
    """With shipments or orders as the source."""
    fields, problem = TOTALS[case]
    goods = taxed("1", 80, 100)
    order = order_row(goods, **fields)
    (made,) = orders_of(shipment(priced("1", 80)), orders=[order]).to_dict("records")
    (of_order,) = orders_of(order, source="orders").to_dict("records")
    assert (made["amount_problem"], of_order["amount_problem"]) == (problem, problem)


def test_the_prices_of_bundles_are_not_added_up() -> None:
    """Centra does not say whether a bundle or its contents have the price."""
    bundle = line("1", "SET", isBundle=True, price=0, bundle=[line("2", "A", price=150)])
    order = order_row(bundle, grandTotalValue=155, **SHIPPED)
    (made,) = orders_of(shipment(bundle), orders=[order]).to_dict("records")
    assert (made["amount_problem"], made["price_total"]) == ("", Decimal(155))


def test_the_total_of_an_order_that_is_not_known_is_that_of_the_shipment() -> None:
    (made,) = orders_of(shipment(grandTotalValue="49.90"), orders=[]).to_dict("records")
    assert (made["price_total"], pd.isna(made["share"])) == (Decimal("49.90"), True)


@pytest.mark.parametrize(("left", "last"), [("0.05", "50.05"), ("-0.05", "49.95"), ("0.06", "50"), ("0", "50")])
def test_the_last_parcel_takes_what_rounding_leaves_and_no_more(left: str, last: str) -> None:
    shares = {"1": Decimal(50), "2": Decimal(50)}
    assert settled(shares, 100 + Decimal(left), Decimal(0)) == ({"1": Decimal(50), "2": Decimal(last)}, "")


def test_parcels_that_would_collect_too_much_are_a_problem() -> None:
    words = "its parcels would collect 100.00, but its total is 99.94"
    assert settled({"1": Decimal(100)}, Decimal("99.94"), Decimal(0)) == ({"1": Decimal(100)}, words)


@pytest.mark.parametrize(
    ("cash_on_delivery", "amount"),
    [('{"amount": 12.30}', "12.30"), ('{"amount": 5}', "5"), ('{"amount": "7.5"}', "7.5"), ('{"amount": null}', None),
     ('{"amount": [1]}', None), ('{"amount": true}', None), ("{}", None), ("[1]", None), ('"5"', None), (None, None)],
)  # fmt: skip
def test_what_an_order_in_myogo_collects_is_read_exactly(cash_on_delivery: str | None, amount: str | None) -> None:
    live = pd.DataFrame({"price_total": texts(["1.10", None]), "cash_on_delivery": texts([cash_on_delivery, None])})
    made = with_amounts(live.set_axis([7, 3]))
    assert list(made["collects"]) == [None if amount is None else Decimal(amount), None]
    assert (list(made["total"]), list(made.index)) == ([Decimal("1.10"), None], [7, 3])


@pytest.mark.parametrize(
    "numbers",
    [("1-10", "1-9"), ("1-2", "1-1"), ("1-1", "1-x"), ("1-1", "1-\u0662"), ("1-1", "1-\u00b2"), ("1-2-2", "1-3-1")],
)
def test_the_parcel_with_the_highest_count_takes_the_rest_of_rounding(numbers: tuple[str, str]) -> None:
    """In whatever sequence they are listed; a number without a count comes first."""
    goods = [priced("1", 1), priced("2", 1)]
    rows = [parcel(1, one) | {"shipmentId": number} for number, one in zip(numbers, goods, strict=True)]
    assert cash(*rows, order=order_row(*goods, grandTotalValue="100.01")) == ["50.01", "50.00"]
