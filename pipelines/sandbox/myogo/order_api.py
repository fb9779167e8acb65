"""The open API's paths for orders."""

import random

from pipelines.sandbox.common.exchange import Answer, Request
from pipelines.sandbox.common.json_formats import dotnet_json
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.myogo.api_common import Failure, body_of, key_of, lowercase_params, modified_after, window
from pipelines.sandbox.myogo.order_schema import WAREHOUSE_STATUSES, validated
from pipelines.sandbox.myogo.orders import Order, Orders, order_row


def search(request: Request, orders: Orders, switches: MyogoSwitches) -> Answer:
    """The requested page of orders, as a bare list."""
    params = lowercase_params(request)
    matching = _sorted(orders.all(), switches)
    if "reference" in params:
        matching = [order for order in matching if order.reference == params["reference"]]
    if "modifiedafter" in params:
        after = modified_after(params["modifiedafter"], switches)
        matching = [order for order in matching if after(order.edited)]
    start, stop = window(request, switches)
    return Answer(200, dotnet_json([order_row(order, switches) for order in matching[start:stop]]))


def create(request: Request, orders: Orders, switches: MyogoSwitches) -> Answer:
    """The new order; Failure if it is refused."""
    fields = validated(body_of(request), new=True)
    if fields["status"] in WAREHOUSE_STATUSES:
        raise Failure(400, f"An order cannot be created in status {fields['status']}.")
    return _order_answer(orders.add(fields, switches), switches, switches.created_status)


def update(request: Request, part: str, orders: Orders, switches: MyogoSwitches) -> Answer:
    """The order after the change; Failure if it is refused."""
    reference = key_of(request, part)
    existing = orders.find(reference)
    if not existing:
        raise Failure(404, f"Order {reference} was not found.")
    fields = validated(body_of(request), new=False)
    if fields["status"] in WAREHOUSE_STATUSES:
        raise Failure(400, f"Status {fields['status']} is for the warehouse to give.")
    # Which of two orders with one reference a PUT changes is not documented; here it is the older.
    return _order_answer(orders.update(existing[0], fields, switches), switches, 200)


def _sorted(orders: list[Order], switches: MyogoSwitches) -> list[Order]:
    match switches.sort:
        case "desc":
            return orders[::-1]
        case "shuffled":
            random.Random(1).shuffle(orders)
        case "edited":
            orders.sort(key=lambda order: (order.edited, order.serial))
    return orders


def _order_answer(order: Order, switches: MyogoSwitches, status: int) -> Answer:
    return Answer(status, dotnet_json(order_row(order, switches)), applied=True)
