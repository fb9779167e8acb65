"""The flows that we know, in the order in which they write, and the code that each of them names.

Stock comes last: a shipment that is completed lowers what Centra holds, and an amount that was counted
after the parcel had left says so already.
"""

from __future__ import annotations

BUILT_IN_FLOWS: dict[str, dict[str, str]] = {
    "products": {
        "from": "centra",
        "to": "myogo",
        "extract": "pipelines.systems.centra.source:centra",
        "live": "pipelines.systems.myogo.source:myogo",
        "transform": "transforms.products:to_myogo",
        "contract": "schemas.products.contract:PRODUCT",
        "target": "pipelines.systems.myogo.product_target:ProductTarget",
        "judge": "pipelines.flows.products:ProductFlow",
    },
    "orders": {
        "from": "centra",
        "to": "myogo",
        "extract": "pipelines.systems.centra.order_source:centra_orders",
        "live": "pipelines.systems.myogo.order_source:myogo_orders",
        "transform": "transforms.orders:to_myogo",
        "contract": "schemas.orders.contract:ORDER",
        "target": "pipelines.systems.myogo.order_target:OrderTarget",
        "judge": "pipelines.flows.orders:OrdersFlow",
    },
    "tracking": {
        "from": "myogo",
        "to": "centra",
        "extract": "pipelines.systems.myogo.order_source:myogo_orders",
        "live": "pipelines.systems.centra.order_source:centra_orders",
        "transform": "transforms.tracking:to_centra",
        "contract": "schemas.tracking.contract:COMPLETION",
        "target": "pipelines.systems.centra.shipment_target:ShipmentTarget",
        "judge": "pipelines.flows.tracking:TrackingFlow",
    },
    "stock": {
        "from": "myogo",
        "to": "centra",
        "extract": "pipelines.systems.myogo.source:myogo",
        "live": "pipelines.systems.centra.source:centra",
        "transform": "transforms.stock:to_centra",
        "contract": "schemas.stock.contract:LEVEL",
        "target": "pipelines.systems.centra.stock_target:StockTarget",
        "judge": "pipelines.flows.stock:StockFlow",
    },
}
