"""Which lines of an order the warehouse gets: goods, and those that lie in our warehouse."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from tests.support.order_frames import Row, line, numbered, order_facts, order_of, orders_of, shipment


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
