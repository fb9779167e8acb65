"""What we rely on in myOGO's `GET /Orders`, and what an order must be before we send it.

Nothing of myOGO's answer that says something of a person is staged.
"""

from __future__ import annotations

import pandera.pandas as pa

from schemas.contract import Contract
from schemas.fields import Field
from schemas.sendable import filled

ORDERS = (
    Field("id", "id", "text", if_odd="tell"),
    Field("reference", "reference", "id", relied_on=True),
    Field("status", "status", "text", if_odd="tell"),
    Field("shipping_code", "shippingCode", "text", if_odd="tell"),
    Field("tracking_number", "trackingNumber", "text", if_odd="tell"),
    Field("tracking_url", "trackingUrl", "text", if_odd="tell"),
    Field("edit_time", "editTime", "text", if_odd="tell"),
    Field("test", "test", "json"),
    Field("lines", "orderLines", "json"),
)

# What a final order can no longer become; myOGO spells statuses in more than one case.
FINAL = frozenset({"shipped", "cancelled", "returned"})
# Those in which an order goes on its way by itself, or waits for its goods to.
MOVING = frozenset({"new", "draft", "pending", "collecting"})
HELD_BACK = frozenset({"reserved", "locked"})

# An order is sent once and never changed from here. `personal` is sent, and kept nowhere.
ORDER = Contract(
    key="reference",
    compare=(),
    create_only=(),
    once=(
        "status",
        "test",
        "shipping_code",
        "pick_up_point_code",
        "price_total",
        "price_currency",
        "lines",
        "cash_on_delivery",
        "shipment_id",
        "capture",
        "destination",
    ),
    personal=("customer", "comments"),
    vendor={
        "reference": "reference",
        "status": "status",
        "test": "test",
        "shipping_code": "shippingCode",
        "pick_up_point_code": "pickUpPointCode",
        "price_total": "priceTotal",
        "price_currency": "priceCurrency",
        "lines": "orderLines",
        "cash_on_delivery": "cashOnDelivery",
        "customer": "customer",
        "comments": "comments",
    },
)

SENDABLE = pa.DataFrameSchema(
    {name: pa.Column(checks=[filled()]) for name in ("status", "shipping_code", "lines", "customer")}
    | {"reference": pa.Column(unique=True, checks=[filled()])},
    index=pa.Index(int, unique=True),
    name="order",
)
