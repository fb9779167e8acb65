"""Which flows a message is a hint for."""

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
from tests.support.strategies import tried


def routed_by(system: str) -> Any:
    webhook = SYSTEMS[system].webhook
    assert webhook is not None
    return Router(system, webhook.events, FLOWS).route


OF_CENTRA, OF_MYOGO = {"orders", "products"}, {"stock", "tracking"}
of_centra, of_myogo = routed_by("centra"), routed_by("myogo")


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
def test_centra(payload: Any, flows: set[str], kinds: tuple[str, ...]) -> None:
    found = of_centra(form(payload))
    assert (found.flows, found.events) == (flows, kinds)


def test_centra_s_form_in_either_spelling_of_a_blank() -> None:
    text = json.dumps(events("order"))
    assert " " in text
    for spelt in (quote, quote_plus):
        assert of_centra(f"payload={spelt(text)}".encode()).events == ("order",)


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
        ({"stock": 5, "reference": "1001"}, OF_MYOGO, (UNKNOWN,)),
        ({"type": 1}, OF_MYOGO, (UNKNOWN,)),
        ({"id": "x"}, OF_MYOGO, (UNKNOWN,)),
        ([], OF_MYOGO, (UNKNOWN,)),
        ([7], OF_MYOGO, (UNKNOWN,)),
        ("OrderShipped", OF_MYOGO, (UNKNOWN,)),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set | frozenset) else str(value),
)
def test_myogo(payload: Any, flows: set[str], kinds: tuple[str, ...]) -> None:
    found = of_myogo(json.dumps(payload).encode())
    assert (found.flows, found.events) == (flows, kinds)


GARBAGE = [
    b"", b"\xff\xfe", b"{", b"payload=", b"payload", b"payload=%", b"payload=%7B", b"payload=%FF%FE", b"&" * 50,
    b"a=1&" * 500, b"payload=" + b"[" * 100_000, b"[" * 100_000, b"payload=" + b"9" * 10_000, b"9" * 10_000, b"null",
    b"NaN", b'{"stock":1,"stock":2', "payload=é".encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: ascii(body[:20]))
def test_garbage_that_was_signed_is_a_hint_for_everything(body: bytes) -> None:
    """Its sender is the vendor all the same."""
    assert (of_centra(body).flows, of_myogo(body).flows) == (OF_CENTRA, OF_MYOGO)


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


@tried(200)
@given(JSON, st.integers(0, 200), st.binary(max_size=3))
def test_any_payload_means_flows_that_there_are_in_words_of_ours(payload: Any, place: int, damage: bytes) -> None:
    """As it is and damaged: no exception, and nothing of it in what may be logged."""
    text = json.dumps(payload).encode()
    for body in (text, form(payload)):
        for one in (body, body[:place] + damage + body[place + 1 :]):
            for found, possible in ((of_centra(one), OF_CENTRA), (of_myogo(one), OF_MYOGO)):
                assert found.flows <= possible
                assert set(found.events) <= {"unknown", "products", "displayitems", "level", "order"}


@tried(100)
@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    assert of_centra(body).flows <= OF_CENTRA
    assert of_myogo(body).flows <= OF_MYOGO
