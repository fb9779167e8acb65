"""The Order API's paths for orders, shipments and capture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.centra.list_query import BadQuery, count, moment
from pipelines.sandbox.centra.order_rows import order_row, shipment_row
from pipelines.sandbox.centra.orders import Orders, Rejected, order_date, visible
from pipelines.sandbox.centra.shipments import Shipment, Shipments
from pipelines.sandbox.common.exchange import Answer, Request
from pipelines.sandbox.common.json_formats import parse_json, php_json
from pipelines.sandbox.common.switches import CentraSwitches

DEFAULT_ORDER_LIMIT = 20
NOT_ALLOWED = Answer(403, b'{"status":"Not Allowed"}')


@dataclass(frozen=True)
class Call:
    """What a handler works on: the request, the key at the end of its path, and the shop's orders and shipments."""

    request: Request
    key: str
    orders: Orders
    shipments: Shipments
    switches: CentraSwitches


def _orders(call: Call) -> Answer:
    params, switches = call.request.params(), call.switches
    orders = visible(call.orders.all(), switches)
    if "order" in params:
        orders = [order for order in orders if str(order.number) == params["order"]]
    if "customer_id" in params:
        orders = [order for order in orders if str(order.fields.get("customerId")) == params["customer_id"]]
    within = _within(params, switches)
    orders = [order for order in orders if within(order_date(order))]
    start, stop = _window(call, DEFAULT_ORDER_LIMIT)
    rows = [order_row(order, call.shipments.of(order), switches) for order in orders[start:stop]]
    return _ok(orders=rows)


def _comment(call: Call) -> Answer:
    order = call.orders.comment(_object(call), call.switches)
    return _ok(applied=True, order=str(order.number) if call.switches.ids_as == "string" else order.number)


def _shipments(call: Call) -> Answer:
    params, switches = call.request.params(), call.switches
    status = params.get("status", "goodtogo")
    if status not in ("goodtogo", "inprogress", "completed"):
        raise BadQuery("status")
    within = _within(params, switches)
    rows = [
        (shipment, order)
        for shipment, order in call.shipments.listing(status, switches)
        if params.get("order", str(order.number)) == str(order.number) and within(shipment.created)
    ]
    start, stop = _window(call, 0 if status == "goodtogo" else switches.shipments_limit)
    return _ok(shipments=[shipment_row(shipment, order, switches) for shipment, order in rows[start:stop]])


def _shipment(call: Call) -> Answer:
    return _ok(shipments=[_row(call, call.shipments.get(call.key))])


def _create(call: Call) -> Answer:
    return _confirmation(call.shipments.create_requested(_object(call), call.switches), call)


def _change(call: Call) -> Answer:
    shipment = call.shipments.change(call.key, _object(call), call.switches)
    return _ok(applied=True, shipment=_row(call, shipment))


def _delete(call: Call) -> Answer:
    shipment = call.shipments.delete(call.key)
    return _ok(applied=True, msg="shipment removed", order=str(shipment.order), shipment=shipment.id)


def _complete(call: Call) -> Answer:
    if call.switches.completion_verb not in ("both", call.request.method):
        raise Rejected(f"Use {call.switches.completion_verb}", http=call.switches.wrong_verb)
    return _confirmation(call.shipments.complete(_object(call), call.switches), call)


def _capture(call: Call) -> Answer:
    return _confirmation(call.shipments.capture(_object(call).get("shipment"), call.switches), call)


def _not_allowed(call: Call) -> Answer:
    """Orders are placed in the shop: the plugin's "Allow Order Create" is not ticked."""
    return NOT_ALLOWED


# The group that must be ticked, and the handler; "/*" stands for the key at the end of the path.
ROUTES: Mapping[tuple[str, str], tuple[str, Callable[[Call], Answer]]] = {
    ("GET", "orders"): ("orders", _orders),
    ("PUT", "orders"): ("orders", _comment),
    ("POST", "order"): ("orders", _not_allowed),
    ("POST", "orders"): ("orders", _not_allowed),
    ("GET", "shipments"): ("shipments", _shipments),
    ("GET", "shipment/*"): ("shipments", _shipment),
    ("POST", "shipments"): ("shipments", _create),
    ("PUT", "shipments/*"): ("shipments", _change),
    ("DELETE", "shipments/*"): ("shipments", _delete),
    # The heading of Centra's page has POST, its example PUT.
    ("POST", "shipment"): ("shipments", _complete),
    ("PUT", "shipment"): ("shipments", _complete),
    ("PUT", "capture"): ("shipments", _capture),
}


def _ok(*, applied: bool = False, **content: Any) -> Answer:
    return Answer(200, php_json({"status": "ok"} | content).encode("ascii"), applied=applied)


def _confirmation(shipment: Shipment, call: Call) -> Answer:
    order: Any = shipment.order if call.switches.ids_as == "number" else str(shipment.order)
    return _ok(applied=True, order=order, shipment=shipment.id)


def _row(call: Call, shipment: Shipment) -> dict[str, Any]:
    order = call.orders.get(shipment.order)
    assert order is not None
    return shipment_row(shipment, order, call.switches)


def _object(call: Call) -> dict[str, Any]:
    try:
        content = parse_json(call.request.body)
    except ValueError:
        raise Rejected("The body is not JSON") from None
    if not isinstance(content, dict):
        raise Rejected("The body is not an object")
    return content


def _within(params: Mapping[str, str], switches: CentraSwitches) -> Callable[[str], bool]:
    """Whether a moment lies between `newer_than` and `older_than`."""
    newer, older = (
        moment(name, params[name], switches) if name in params else None for name in ("newer_than", "older_than")
    )
    newer_inclusive = switches.dates_inclusive in ("newer", "both")
    older_inclusive = switches.dates_inclusive == "both"

    def within(when: str) -> bool:
        after = newer is None or when > newer or (newer_inclusive and when == newer)
        return after and (older is None or when < older or (older_inclusive and when == older))

    return within


def _window(call: Call, default_limit: int) -> tuple[int, int | None]:
    """Start and stop of the requested part of a list; a limit of 0 means everything."""
    params, switches = call.request.params(), call.switches
    limit = count(params, "limit", default=default_limit)
    if switches.max_limit and limit > switches.max_limit:
        if switches.limit_over_max == "no":
            raise BadQuery("limit")
        limit = switches.max_limit
    start = count(params, "offset", default=0, minimum=0)
    if call.request.page_served is not None:
        start = (call.request.page_served - 1) * (limit or 1)
    return start, start + limit if limit else None
