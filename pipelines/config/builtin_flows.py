"""The flows that we know, in the order in which they write, and the code that each of them names.

Stock comes last: a shipment that is completed lowers what Centra holds, and an amount that was counted
after the parcel had left says so already.
"""

from __future__ import annotations

BUILT_IN_FLOWS: dict[str, dict[str, str]] = {
    "products": {
        "from": "centra",
        "to": "myogo",
        "extract": "pipelines.sources.centra:centra",
        "live": "pipelines.sources.myogo:myogo",
        "transform": "transforms.products:to_myogo",
        "contract": "schemas.myogo:PRODUCT",
        "target": "pipelines.targets.myogo:Products",
        "judge": "pipelines.flows.products:Products",
    },
    "orders": {
        "from": "centra",
        "to": "myogo",
        "extract": "pipelines.sources.centra_orders:centra_orders",
        "live": "pipelines.sources.myogo_orders:myogo_orders",
        "transform": "transforms.orders:to_myogo",
        "contract": "schemas.myogo_orders:ORDER",
        "target": "pipelines.targets.myogo_orders:Orders",
        "judge": "pipelines.flows.orders:Orders",
    },
    "tracking": {
        "from": "myogo",
        "to": "centra",
        "extract": "pipelines.sources.myogo_orders:myogo_orders",
        "live": "pipelines.sources.centra_orders:centra_orders",
        "transform": "transforms.tracking:to_centra",
        "contract": "schemas.tracking:COMPLETION",
        "target": "pipelines.targets.centra_shipments:Completions",
        "judge": "pipelines.flows.tracking:Tracking",
    },
    "stock": {
        "from": "myogo",
        "to": "centra",
        "extract": "pipelines.sources.myogo:myogo",
        "live": "pipelines.sources.centra:centra",
        "transform": "transforms.stock:to_centra",
        "contract": "schemas.stock:LEVEL",
        "target": "pipelines.targets.centra:Levels",
        "judge": "pipelines.flows.stock:Stock",
    },
}
