"""The flows that a message is a hint for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.systems.system import UNKNOWN_EVENT as UNKNOWN
from pipelines.webhooks.event_routing import Router
from tests.support.declared import FLOWS, SYSTEMS
from tests.support.strategies import fuzz_settings


def routed_by(system: str) -> Any:
    webhook = SYSTEMS[system].webhook
    assert webhook is not None
    return Router(system, webhook.events, FLOWS).route


CENTRA_FLOWS, MYOGO_FLOWS = {"orders", "products"}, {"stock", "tracking"}
route_centra, route_myogo = routed_by("centra"), routed_by("myogo")


def form(payload: Any) -> bytes:
    return f"payload={quote_plus(json.dumps(payload))}".encode()


def events(*kinds: Any) -> dict[str, Any]:
    return {"events": [{"type": kind, "action": "update", "date": "2026-01-29 14:40:58.6", "id": 1} for kind in kinds]}


@pytest.mark.parametrize(
    ("payload", "flows", "kinds"),
    [
        (events("order"), {"orders"}, ("order",)),
        (events("shipment", "order"), {"orders"}, ("order", "shipment")),
        (events("customer", "account", "return", "check_first", "allocation_request"), set(),
         ("account", "allocation_request", "check_first", "customer", "return")),
        (events("customer", "shipment"), {"orders"}, ("customer", "shipment")),
        (events("Order"), {"orders", "products"}, (UNKNOWN,)),
        (events(None), {"orders", "products"}, (UNKNOWN,)),
        ({"events": []}, set(), ()),
        ({"events": "order"}, {"orders", "products"}, (UNKNOWN,)),
        ({"products": ["12412"], "brands": ["5"]}, {"products"}, ("brands", "products")),
        ({"DisplayItems": ["1"]}, {"products"}, ("displayitems",)),
        ({"Pricelists": [1]}, {"products"}, ("pricelists",)),
        ({"categories": [1]}, {"products"}, ("categories",)),
        ({"products": [], "markets": ["1"]}, set(), ("markets",)),
        ({"Languages": ["sv"], "BrickAndMortars": [1]}, set(), ("brickandmortars", "languages")),
        ({"x": "test"}, {"orders", "products"}, (UNKNOWN,)),
        ({}, {"orders", "products"}, (UNKNOWN,)),
        (["order"], {"orders", "products"}, (UNKNOWN,)),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set | frozenset) else str(value),
)  # fmt: skip
def test_a_centra_message_gives_its_flows_and_event_kinds(
    payload: Any, flows: set[str], kinds: tuple[str, ...]
) -> None:
    routing = route_centra(form(payload))
    assert (routing.flows, routing.events) == (flows, kinds)


def test_both_encodings_of_a_blank_in_a_centra_form_are_read() -> None:
    text = json.dumps(events("order"))
    assert " " in text
    for encode in (quote, quote_plus):
        assert route_centra(f"payload={encode(text)}".encode()).events == ("order",)


@pytest.mark.parametrize(
    ("payload", "flows", "kinds"),
    [
        ({"productCode": "SKU1", "stock": 5, "stockAvailable": 4, "reserved": 1}, {"stock"}, ("level",)),
        ({"ProductCode": "SKU1", "Stock": 5}, {"stock"}, ("level",)),
        ({"reference": "1001", "status": "Shipped", "orderLines": []}, {"tracking"}, ("order",)),
        ({"TrackingNumber": "JJFI1"}, {"tracking"}, ("order",)),
        ([{"stock": 5}, {"reference": "1"}], {"stock", "tracking"}, ("level", "order")),
        ({"type": "OrderShipped", "stock": 1}, {"tracking"}, ("ordershipped",)),
        ({"type": "ProductStockLevelChanged", "reference": "1"}, {"stock"}, ("productstocklevelchanged",)),
        ({"type": "OrderLost", "reference": "1"}, {"tracking"}, ("order",)),
        ({"stock": 5, "reference": "1001"}, MYOGO_FLOWS, (UNKNOWN,)),
        ({"type": 1}, MYOGO_FLOWS, (UNKNOWN,)),
        ({"id": "x"}, MYOGO_FLOWS, (UNKNOWN,)),
        ([], MYOGO_FLOWS, (UNKNOWN,)),
        ([7], MYOGO_FLOWS, (UNKNOWN,)),
        ("OrderShipped", MYOGO_FLOWS, (UNKNOWN,)),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set | frozenset) else str(value),
)
def test_a_myogo_message_gives_its_flows_and_event_kinds(payload: Any, flows: set[str], kinds: tuple[str, ...]) -> None:
    routing = route_myogo(json.dumps(payload).encode())
    assert (routing.flows, routing.events) == (flows, kinds)


GARBAGE = [
    b"", b"\xff\xfe", b"{", b"payload=", b"payload", b"payload=%", b"payload=%7B", b"payload=%FF%FE", b"&" * 50,
    b"a=1&" * 500, b"payload=" + b"[" * 100_000, b"[" * 100_000, b"payload=" + b"9" * 10_000, b"9" * 10_000, b"null",
    b"NaN", b'{"stock":1,"stock":2', "payload=é".encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: ascii(body[:20]))
def test_an_unreadable_signed_message_is_a_hint_for_all_flows(body: bytes) -> None:
    """It was sent by the vendor."""
    assert (route_centra(body).flows, route_myogo(body).flows) == (CENTRA_FLOWS, MYOGO_FLOWS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["events", "type", "products", "DisplayItems", "stock", "reference", "id", "x"]), inner
        )
    ),
    max_leaves=12,
)


@fuzz_settings(200)
@given(JSON, st.integers(0, 200), st.binary(max_size=3))
def test_any_payload_gives_known_flows_and_known_event_kinds(payload: Any, place: int, damage: bytes) -> None:
    """Intact and damaged: no exception, and no part of the payload in what may be logged."""
    text = json.dumps(payload).encode()
    for body in (text, form(payload)):
        for one in (body, body[:place] + damage + body[place + 1 :]):
            for routing, known_flows in ((route_centra(one), CENTRA_FLOWS), (route_myogo(one), MYOGO_FLOWS)):
                assert routing.flows <= known_flows
                assert set(routing.events) <= {"unknown", "products", "displayitems", "level", "order"}


@fuzz_settings(100)
@given(st.binary(max_size=200))
def test_any_bytes_give_known_flows(body: bytes) -> None:
    assert route_centra(body).flows <= CENTRA_FLOWS
    assert route_myogo(body).flows <= MYOGO_FLOWS
