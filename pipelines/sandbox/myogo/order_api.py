"""The open API's paths for orders."""

import random

from pipelines.sandbox.common.exchange import Answer, Request
from pipelines.sandbox.common.json_formats import dotnet
from pipelines.sandbox.common.switches import MyogoSwitches
from pipelines.sandbox.myogo.api_common import Failure, body_of, key_of, lowered, since, window
from pipelines.sandbox.myogo.order_schema import OF_THE_WAREHOUSE, validated
from pipelines.sandbox.myogo.orders import Fulfilment, Order, order_row


def search(request: Request, fulfilment: Fulfilment, switches: MyogoSwitches) -> Answer:
    """The page of orders that the query asks for, as a bare list."""
    params = lowered(request)
    orders = _sorted(fulfilment.all(), switches)
    if "reference" in params:
        orders = [order for order in orders if order.reference == params["reference"]]
    if "modifiedafter" in params:
        after = since(params["modifiedafter"], switches)
        orders = [order for order in orders if after(order.edited)]
    start, stop = window(request, switches)
    return Answer(200, dotnet([order_row(order, switches) for order in orders[start:stop]]))


def create(request: Request, fulfilment: Fulfilment, switches: MyogoSwitches) -> Answer:
    """The new order; Failure where it is refused."""
    fields = validated(body_of(request), new=True)
    if fields["status"] in OF_THE_WAREHOUSE:
        raise Failure(400, f"An order cannot be created in status {fields['status']}.")
    return _stored(fulfilment.add(fields, switches), switches, switches.created_status)


def update(request: Request, part: str, fulfilment: Fulfilment, switches: MyogoSwitches) -> Answer:
    """The order after the change; Failure where it is refused."""
    reference = key_of(request, part)
    existing = fulfilment.find(reference)
    if not existing:
        raise Failure(404, f"Order {reference} was not found.")
    fields = validated(body_of(request), new=False)
    if fields["status"] in OF_THE_WAREHOUSE:
        raise Failure(400, f"Status {fields['status']} is for the warehouse to give.")
    # Which of two orders with one reference a PUT changes is not documented; here it is the older.
    return _stored(fulfilment.update(existing[0], fields, switches), switches, 200)


def _sorted(orders: list[Order], switches: MyogoSwitches) -> list[Order]:
    match switches.sort:
        case "desc":
            return orders[::-1]
        case "shuffled":
            random.Random(1).shuffle(orders)
        case "edited":
            orders.sort(key=lambda order: (order.edited, order.serial))
    return orders


def _stored(order: Order, switches: MyogoSwitches, status: int) -> Answer:
    return Answer(status, dotnet(order_row(order, switches)), applied=True)
