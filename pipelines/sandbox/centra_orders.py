"""The Order API's paths for orders, shipments and capture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.exchange import Answer, Request
from pipelines.sandbox.listing import BadQuery, count, moment
from pipelines.sandbox.order_rows import order_row, shipment_row
from pipelines.sandbox.orders import No, Orders, visible
from pipelines.sandbox.shipments import Shipment, Shipments
from pipelines.sandbox.switches import CentraSwitches
from pipelines.sandbox.wire import parsed, php

ORDERS_SHOWN = 20
NOT_ALLOWED = Answer(403, b'{"status":"Not Allowed"}')


@dataclass(frozen=True)
class Desk:
    """What the paths work on: the request, the rest of its path, and what the shop holds."""

    request: Request
    key: str
    orders: Orders
    shipments: Shipments
    switches: CentraSwitches


def _orders(desk: Desk) -> Answer:
    params, switches = desk.request.params(), desk.switches
    found = visible(desk.orders.all(), switches)
    if "order" in params:
        found = [order for order in found if str(order.number) == params["order"]]
    if "customer_id" in params:
        found = [order for order in found if str(order.fields.get("customerId")) == params["customer_id"]]
    within = _within(params, switches)
    found = [order for order in found if within(str(order.fields["orderDate"]))]
    start, stop = _window(desk, ORDERS_SHOWN)
    rows = [order_row(order, desk.shipments.of(order), switches) for order in found[start:stop]]
    return _ok(orders=rows)


def _comment(desk: Desk) -> Answer:
    order = desk.orders.comment(_object(desk), desk.switches)
    return _ok(applied=True, order=str(order.number) if desk.switches.ids_as == "string" else order.number)


def _shipments(desk: Desk) -> Answer:
    params, switches = desk.request.params(), desk.switches
    status = params.get("status", "goodtogo")
    if status not in ("goodtogo", "inprogress", "completed"):
        raise BadQuery("status")
    within = _within(params, switches)
    found = [
        (shipment, order)
        for shipment, order in desk.shipments.listing(status, switches)
        if params.get("order", str(order.number)) == str(order.number) and within(shipment.created)
    ]
    start, stop = _window(desk, 0 if status == "goodtogo" else switches.shipments_limit)
    return _ok(shipments=[shipment_row(shipment, order, switches) for shipment, order in found[start:stop]])


def _shipment(desk: Desk) -> Answer:
    return _ok(shipments=[_full(desk, desk.shipments.get(desk.key))])


def _create(desk: Desk) -> Answer:
    return _named(desk.shipments.requested(_object(desk), desk.switches), desk)


def _change(desk: Desk) -> Answer:
    shipment = desk.shipments.change(desk.key, _object(desk), desk.switches)
    return _ok(applied=True, shipment=_full(desk, shipment))


def _complete(desk: Desk) -> Answer:
    if desk.switches.completion_verb not in ("both", desk.request.method):
        raise No(f"Use {desk.switches.completion_verb}", http=desk.switches.wrong_verb)
    return _named(desk.shipments.complete(_object(desk), desk.switches), desk)


def _capture(desk: Desk) -> Answer:
    return _named(desk.shipments.capture(_object(desk).get("shipment"), desk.switches), desk)


def _refused(desk: Desk) -> Answer:
    """Orders are placed in the shop: the plugin's "Allow Order Create" is not ticked."""
    return NOT_ALLOWED


# The group that must be ticked, and what is done; "/*" stands for the key at the end of the path.
ROUTES: Mapping[tuple[str, str], tuple[str, Callable[[Desk], Answer]]] = {
    ("GET", "orders"): ("orders", _orders),
    ("PUT", "orders"): ("orders", _comment),
    ("POST", "order"): ("orders", _refused),
    ("POST", "orders"): ("orders", _refused),
    ("GET", "shipments"): ("shipments", _shipments),
    ("GET", "shipment/*"): ("shipments", _shipment),
    ("POST", "shipments"): ("shipments", _create),
    ("PUT", "shipments/*"): ("shipments", _change),
    # The heading of Centra's page says POST, its example PUT.
    ("POST", "shipment"): ("shipments", _complete),
    ("PUT", "shipment"): ("shipments", _complete),
    ("PUT", "capture"): ("shipments", _capture),
}


def _ok(*, applied: bool = False, **content: Any) -> Answer:
    return Answer(200, php({"status": "ok"} | content).encode("ascii"), applied=applied)


def _named(shipment: Shipment, desk: Desk) -> Answer:
    order: Any = shipment.order if desk.switches.ids_as == "number" else str(shipment.order)
    return _ok(applied=True, order=order, shipment=shipment.id)


def _full(desk: Desk, shipment: Shipment) -> dict[str, Any]:
    order = desk.orders.get(shipment.order)
    assert order is not None
    return shipment_row(shipment, order, desk.switches)


def _object(desk: Desk) -> dict[str, Any]:
    try:
        content = parsed(desk.request.body)
    except ValueError:
        raise No("The body is not JSON") from None
    if not isinstance(content, dict):
        raise No("The body is not an object")
    return content


def _within(params: Mapping[str, str], switches: CentraSwitches) -> Callable[[str], bool]:
    """Whether a moment lies between `newer_than` and `older_than`."""
    newer, older = (
        moment(name, params[name], switches) if name in params else None for name in ("newer_than", "older_than")
    )
    from_there = switches.dates_inclusive in ("newer", "both")
    to_there = switches.dates_inclusive == "both"

    def within(when: str) -> bool:
        after = newer is None or when > newer or (from_there and when == newer)
        return after and (older is None or when < older or (to_there and when == older))

    return within


def _window(desk: Desk, shown: int) -> tuple[int, int | None]:
    """Where the asked-for part of a list starts and stops; a limit of 0 means everything."""
    params, switches = desk.request.params(), desk.switches
    limit = count(params, "limit", default=shown)
    if switches.max_limit and limit > switches.max_limit:
        if switches.limit_over_max == "no":
            raise BadQuery("limit")
        limit = switches.max_limit
    start = count(params, "offset", default=0, least=0)
    if desk.request.page_served is not None:
        start = (desk.request.page_served - 1) * (limit or 1)
    return start, start + limit if limit else None
