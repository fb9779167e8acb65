"""The units that Centra has allocated and that myOGO has already taken."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipelines.systems.arrow_columns import Findings
from pipelines.systems.centra.order_source import known_fields_table, line_table
from schemas.fields.centra_orders import ORDERS, SHIPMENTS
from tests.support.frames import texts
from tests.support.order_frames import line, live_orders, order_row, shipment
from transforms.order_lines import PickRules
from transforms.taken_units import CentraOrders, line_units, open_goods, order_units, taken_units

Row = dict[str, Any]


def frames(kind: str, rows: list[Row], fields: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    staged = known_fields_table(rows, fields, lambda _: f"a {kind}", Findings()).to_pandas()
    lines = line_table(rows, f"{kind}Id", Findings()).to_pandas().rename(columns={f"{kind}_id": "source_id"})
    return staged, lines


def goods(*shipments: Row, orders: tuple[Row, ...] = (), contents_are: Any = None) -> pd.DataFrame:
    """The open goods of these shipments, and of orders that have no completed shipment."""
    sent, sent_lines = frames("shipment", list(shipments), SHIPMENTS)
    placed, placed_lines = frames("order", list(orders), ORDERS)
    return open_goods(
        sent[["shipment_id", "order_id"]], line_units(sent_lines, PickRules(contents_are)),
        placed[["order_id", "order_status"]], line_units(placed_lines, PickRules(contents_are)),
    )  # fmt: skip


def in_myogo(*orders: tuple[str, str, dict[str, int]], test: bool = False) -> pd.DataFrame:
    """Our orders in myOGO: the id in Centra, the status, and the units by code."""
    rows = [
        {"reference": f"demo-{source_id}", "status": status, "test": test,
         "orderLines": [{"code": code, "quantity": units} for code, units in lines.items()]}
        for source_id, status, lines in orders
    ]  # fmt: skip
    return live_orders(*rows).assign(source_id=texts([source_id for source_id, _, _ in orders]))


def units(own: pd.DataFrame, held: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """By code: taken, waiting."""
    found = taken_units(own, held)
    return {code: (int(taken), int(waiting)) for code, taken, waiting in found.itertuples()}


@pytest.mark.parametrize("status", ["New", "RESERVED", "locked", "Collecting", "Shipped"])
def test_goods_of_an_order_that_myogo_reserves_picks_or_has_shipped_are_taken(status: str) -> None:
    held = goods(shipment(line("1", "A", 2), line("2", "B", 1)))
    assert units(in_myogo(("1-1", status, {"A": 2, "B": 1})), held) == {"A": (2, 0), "B": (1, 0)}


@pytest.mark.parametrize("status", ["Draft", "Pending", "Cancelled", "Returned", "Frozen", ""])
def test_goods_of_other_orders_are_waiting(status: str) -> None:
    held = goods(shipment(line("1", "A", 2)))
    assert units(in_myogo(("1-1", status, {"A": 2})), held) == {"A": (0, 2)}


def test_goods_of_a_test_are_waiting() -> None:
    held = goods(shipment(line("1", "A", 2)))
    assert units(in_myogo(("1-1", "New", {"A": 2}), test=True), held) == {"A": (0, 2)}


def test_orders_that_centra_no_longer_has_open_do_not_count() -> None:
    """Cancelled or completed by hand: Centra has neither the shipment nor units allocated for it."""
    held = goods(shipment(line("1", "A", 2)))
    assert units(in_myogo(("1-1", "New", {"A": 2}), ("2-1", "New", {"A": 5, "B": 1})), held) == {"A": (2, 0)}
    assert units(in_myogo(("2-1", "Shipped", {"A": 5})), goods()) == {}


def test_no_more_counts_than_centra_holds_and_than_myogo_has() -> None:
    """An order twice in myOGO; a line that was shortened in Centra; a line that was added there."""
    held = goods(shipment(line("1", "A", 2), line("2", "B", 1), line("3", "C", 1)))
    own = in_myogo(("1-1", "New", {"A": 2, "B": 4}), ("1-1", "New", {"A": 2, "D": 1}))
    assert units(own, held) == {"A": (2, 0), "B": (1, 0), "C": (0, 1)}


def test_two_shipments_of_an_order_count_each_for_itself() -> None:
    one, two = shipment(line("1", "A", 2)), shipment(line("1", "A", 3), shipmentId="1-2")
    assert units(in_myogo(("1-2", "New", {"A": 3})), goods(one, two)) == {"A": (3, 2)}
    assert units(in_myogo(("1-2", "New", {"A": 3}), ("1-1", "Shipped", {"A": 2})), goods(one, two)) == {"A": (5, 0)}


def test_an_order_can_be_in_myogo_under_its_own_number() -> None:
    """With or without a shipment in Centra; once, if both are there."""
    held = goods(shipment(line("1", "A", 2)), orders=(order_row(line("1", "A", 2)),))
    assert units(in_myogo(("1", "New", {"A": 2})), held) == {"A": (2, 0)}
    assert units(in_myogo(("1", "New", {"A": 2}), ("1-1", "New", {"A": 2})), held) == {"A": (2, 0)}
    assert units(in_myogo(("1", "New", {"A": 2})), goods(orders=(order_row(line("1", "A", 2)),))) == {"A": (2, 0)}


@pytest.mark.parametrize(
    ("status", "waiting"), [("1", 3), ("Confirmed", 3), ("3", 3), ("4", 0), ("Cancelled", 0), (None, 0)]
)
def test_goods_that_are_in_no_shipment_yet_are_waiting_while_the_order_is_open(status: Any, waiting: int) -> None:
    row = order_row(line("1", "A", 3)) | {"orderStatus": status}
    assert units(in_myogo(), goods(orders=(row,))) == ({"A": (0, waiting)} if waiting else {})


def test_goods_that_cannot_be_counted_have_no_row() -> None:
    bundle = line("1", "SET", 2, isBundle=True, bundle=[line("2", "A", 1)])
    assert units(in_myogo(("1-1", "New", {"A": 2})), goods(shipment(bundle))) == {}
    assert units(in_myogo(("1-1", "New", {"A": 2})), goods(shipment(bundle), contents_are="each")) == {"A": (2, 0)}


def test_a_shipment_that_this_run_completes_leaves_and_is_no_longer_taken() -> None:
    """Of its order, what is in no open shipment is not known to be there still."""
    rows = [shipment(line("1", "A", 2)), shipment(line("1", "A", 3), line("2", "B"), shipmentId="1-2")]
    sent, sent_lines = frames("shipment", rows, SHIPMENTS)
    placed, placed_lines = frames("order", [order_row(line("1", "A", 9), line("2", "B"))], ORDERS)
    listed = CentraOrders(
        sent[["shipment_id", "order_id"]], sent_lines, placed[["order_id", "order_status"]], placed_lines, set()
    )
    own = in_myogo(("1-2", "Shipped", {"A": 3, "B": 1}), ("1-1", "New", {"A": 2}))
    found = {
        completed: {code: tuple(row) for code, *row in order_units(listed, own, completed, PickRules()).itertuples()}
        for completed in ((), ("1-2",), ("1-2", "1-1"))
    }
    assert found == {
        (): {"A": (5, 4, 0), "B": (1, 0, 0)}, ("1-2",): {"A": (2, 0, 3), "B": (0, 0, 1)},
        ("1-2", "1-1"): {"A": (0, 0, 5), "B": (0, 0, 1)},
    }  # fmt: skip


def test_orders_that_were_sent_from_centra_do_not_count_again() -> None:
    """An order with a completed shipment: what is left of it is in its open shipments."""
    sent, sent_lines = frames("shipment", [shipment(line("1", "A", 2))], SHIPMENTS)
    placed, placed_lines = frames(
        "order", [order_row(line("1", "A", 9)), order_row(line("1", "B"), orderId="2")], ORDERS
    )
    found = {}
    for completed in ((), ("1",), ("1", "2")):
        listed = CentraOrders(sent, sent_lines, placed, placed_lines, completed)
        units_by_code = order_units(listed, in_myogo(), (), PickRules())
        found[completed] = {code: tuple(row) for code, *row in units_by_code.itertuples()}
        assert [str(dtype) for dtype in units_by_code.dtypes] == ["int64"] * 3
        assert list(units_by_code.columns) == ["taken", "waiting", "leaving"]
    assert found == {(): {"A": (0, 9, 0), "B": (0, 1, 0)}, ("1",): {"A": (0, 2, 0), "B": (0, 1, 0)},
                     ("1", "2"): {"A": (0, 2, 0)}}  # fmt: skip


def test_the_goods_of_an_order_are_those_of_its_lines_or_of_its_shipments_if_these_are_more() -> None:
    """Each row names the shipment or the order."""
    held = goods(
        shipment(line("1", "A", 2)), shipment(line("1", "A", 3), line("2", "B"), shipmentId="1-2"),
        orders=(order_row(line("1", "A", 4), line("3", "C", 7)),),
    )  # fmt: skip
    assert held.to_dict("records") == [
        {"order_id": "1", "source_id": "1-1", "code": "A", "units": 2},
        {"order_id": "1", "source_id": "1-2", "code": "A", "units": 3},
        {"order_id": "1", "source_id": "1-2", "code": "B", "units": 1},
        {"order_id": "1", "source_id": "1", "code": "A", "units": 5},
        {"order_id": "1", "source_id": "1", "code": "B", "units": 1},
        {"order_id": "1", "source_id": "1", "code": "C", "units": 7},
    ]
    assert list(held.index) == [0, 1, 2, 3, 4, 5]


def test_lines_that_myogo_gives_in_another_form_take_nothing() -> None:
    """A negative quantity takes nothing either."""
    held = goods(shipment(line("1", "A", 2), line("2", "B", 2)))
    own = in_myogo(("1-1", "New", {"A": -1, "B": 1}), ("1-1", "New", {"A": 1}))
    assert units(own, held) == {"A": (1, 1), "B": (1, 1)}
    assert units(own.assign(lines=texts(["[5]", "[{}]"])), held) == {"A": (0, 2), "B": (0, 2)}
