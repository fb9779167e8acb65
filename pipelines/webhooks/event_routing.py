"""Which flows a message is a hint for. What else it says is not looked at: only the systems themselves are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from pipelines.core.json_codec import NotJson, decode

UNKNOWN = "unknown"
OF_CENTRA = frozenset({"orders", "products"})
OF_MYOGO = frozenset({"stock", "tracking"})

# What Centra's webhook plugin tells of, by version, and the flow that reads it.
_EVENTS: dict[str, str | None] = {
    "order": "orders", "shipment": "orders", "customer": None, "account": None, "return": None, "check_first": None,
    "allocation_request": None,
}  # fmt: skip
# The names in the keys of a Checkout or Storefront payload. A size's group, supplier and price come from its
# category, brand and price list.
_LISTS: dict[str, str | None] = {
    "products": "products", "displayitems": "products", "categories": "products", "brands": "products",
    "pricelists": "products", "warehouses": None, "warehousegroups": None, "markets": None, "campaigns": None,
    "campaignsites": None, "affiliates": None, "giftcertificates": None, "statics": None, "cmsarticles": None,
    "mapslocations": None, "mapsregion": None, "collections": None, "languages": None, "brickandmortars": None,
}  # fmt: skip
_MYOGO_TYPES = {"ordershipped": "tracking", "productstocklevelchanged": "stock"}
_OF_ORDERS = frozenset({"reference", "orderlines", "trackingnumber", "trackingurl"})
_OF_STOCK = frozenset({"stock", "stockavailable"})


@dataclass(frozen=True)
class EventRouting:
    """`kinds` are words of this module, sorted and fit for a log: nothing that the message says itself."""

    flows: frozenset[str]
    kinds: tuple[str, ...]


def of_centra(body: bytes) -> EventRouting:
    """Of a form with one field `payload`. What cannot be told apart is a hint for all that Centra may tell of."""
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=10)
        payload = decode(fields["payload"][0].encode("utf-8", "replace"))
    except (KeyError, ValueError):
        return _together([_unknown(OF_CENTRA)])
    if not isinstance(payload, dict) or not payload:
        return _together([_unknown(OF_CENTRA)])
    if "events" in payload:
        events = payload["events"] if isinstance(payload["events"], list) else [None]
        return _together(
            _centra_kind(_EVENTS, event.get("type") if isinstance(event, dict) else None, str) for event in events
        )
    return _together(
        _centra_kind(_LISTS, name, str.lower) for name, ids in payload.items() if ids not in ([], {}, None)
    )


def of_myogo(body: bytes) -> EventRouting:
    """What myOGO's messages look like is not documented: one that cannot be told apart is a hint for both flows."""
    try:
        payload = decode(body)
    except NotJson:
        return _together([_unknown(OF_MYOGO)])
    rows = payload if isinstance(payload, list) and payload else [payload]
    return _together(_myogo_kind(row) for row in rows)


def _centra_kind(known: dict[str, str | None], name: Any, spelt: Callable[[str], str]) -> EventRouting:
    word = spelt(name) if isinstance(name, str) else ""
    if word not in known:
        return _unknown(OF_CENTRA)
    flow = known[word]
    return EventRouting(frozenset({flow} if flow else ()), (word,))


def _myogo_kind(row: Any) -> EventRouting:
    if not isinstance(row, dict):
        return _unknown(OF_MYOGO)
    names = {name.lower(): value for name, value in row.items()}
    said = names.get("type")
    if isinstance(said, str) and said.lower() in _MYOGO_TYPES:
        return EventRouting(frozenset({_MYOGO_TYPES[said.lower()]}), (said.lower(),))
    of_order, of_stock = bool(names.keys() & _OF_ORDERS), bool(names.keys() & _OF_STOCK)
    if of_order == of_stock:
        return _unknown(OF_MYOGO)
    return (
        EventRouting(frozenset({"tracking"}), ("order",))
        if of_order
        else EventRouting(frozenset({"stock"}), ("level",))
    )


def _unknown(flows: frozenset[str]) -> EventRouting:
    return EventRouting(flows, (UNKNOWN,))


def _together(meanings: Iterable[EventRouting]) -> EventRouting:
    flows: set[str] = set()
    kinds: set[str] = set()
    for one in meanings:
        flows |= one.flows
        kinds.update(one.kinds)
    return EventRouting(frozenset(flows), tuple(sorted(kinds)))
