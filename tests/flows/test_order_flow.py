"""How the order flows recognise their own orders and their destinations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from pipelines.flows.order_flow import destination_digest, order_id_of, own_orders, reference_prefix
from tests.support.frames import plain_list, texts


def test_our_orders_are_those_with_our_prefix_and_an_order_number() -> None:
    """Two shops of one merchant may be `demo` and `demo-web`; a person at the warehouse may write anything."""
    ours = ["demo-1001-1", "demo-1001"]
    others = ["demo_web-1001-1", "demo-web-1001-1", "demo-", "demo-1001-1-1", "demo-x", "Xdemo-1", "manual", None]
    own = own_orders(pd.DataFrame({"reference": texts([*others, *ours])}), "demo")
    assert plain_list(own["reference"]) == ours
    assert plain_list(own["source_id"]) == ["1001-1", "1001"]
    assert list(own.index) == [0, 1]


def test_a_prefix_is_taken_literally() -> None:
    own = own_orders(pd.DataFrame({"reference": texts(["a.b-1", "axb-1"])}), "a.b")
    assert plain_list(own["reference"]) == ["a.b-1"]


@pytest.mark.parametrize(
    ("own", "of_orders", "prefix"),
    [("mine", "shop", "mine"), (None, "shop", "shop"), (None, None, "demo_web")],
    ids=["the flow's", "the orders flow's", "the channel's name"],
)
def test_the_prefix_is_that_of_the_flow_or_the_orders_flow_or_the_channel(
    own: str | None, of_orders: str | None, prefix: str
) -> None:
    channel: Any = SimpleNamespace(
        name="demo-web", flows={"orders": ...}, flow_params=lambda _: SimpleNamespace(prefix=of_orders)
    )
    assert reference_prefix(channel, SimpleNamespace(prefix=own)) == prefix


def test_the_number_of_an_order_is_the_first_part_of_a_shipment_number() -> None:
    assert (order_id_of("1001-2"), order_id_of("1001")) == ("1001", "1001")


def test_digests_of_another_secret_token_have_another_prefix() -> None:
    """Only digests with the same prefix are compared, so a new secret token does not mean a changed address."""
    rows = pd.DataFrame({"a": ["x", "y", None], "b": ["", "", "x"]})
    one, two = destination_digest(rows, "one"), destination_digest(rows, "two")
    assert len({*one, *two}) == 6
    assert [len({digest.rpartition("-")[0] for digest in digests}) for digests in (one, two, one + two)] == [1, 1, 2]
    assert destination_digest(rows, "one") == one
