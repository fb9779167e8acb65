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
        "target": "pipelines.systems.myogo.product_target:Products",
        "judge": "pipelines.flows.products:Products",
    },
    "orders": {
        "from": "centra",
        "to": "myogo",
        "extract": "pipelines.systems.centra.order_source:centra_orders",
        "live": "pipelines.systems.myogo.order_source:myogo_orders",
        "transform": "transforms.orders:to_myogo",
        "contract": "schemas.orders.contract:ORDER",
        "target": "pipelines.systems.myogo.order_target:Orders",
        "judge": "pipelines.flows.orders:Orders",
    },
    "tracking": {
        "from": "myogo",
        "to": "centra",
        "extract": "pipelines.systems.myogo.order_source:myogo_orders",
        "live": "pipelines.systems.centra.order_source:centra_orders",
        "transform": "transforms.tracking:to_centra",
        "contract": "schemas.tracking.contract:COMPLETION",
        "target": "pipelines.systems.centra.shipment_target:Completions",
        "judge": "pipelines.flows.tracking:Tracking",
    },
    "stock": {
        "from": "myogo",
        "to": "centra",
        "extract": "pipelines.systems.myogo.source:myogo",
        "live": "pipelines.systems.centra.source:centra",
        "transform": "transforms.stock:to_centra",
        "contract": "schemas.stock.contract:LEVEL",
        "target": "pipelines.systems.centra.stock_target:Levels",
        "judge": "pipelines.flows.stock:Stock",
    },
}
