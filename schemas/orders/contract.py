"""The contract of an order for myOGO, and the final check before it is sent."""

from __future__ import annotations

import pandera.pandas as pa

from schemas.contract import Contract
from schemas.outgoing_contract import non_empty

# An order is sent once and never changed by this program. `personal` columns are sent but not stored.
ORDER = Contract(
    key="reference",
    compare=(),
    create_only=(),
    insert_only=(
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
        "read_as",
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
    {name: pa.Column(checks=[non_empty()]) for name in ("status", "shipping_code", "lines", "customer")}
    | {"reference": pa.Column(unique=True, checks=[non_empty()])},
    index=pa.Index(int, unique=True),
    name="order",
)
