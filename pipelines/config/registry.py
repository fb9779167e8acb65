"""The systems and flows that a channel file may use by name alone. Any other is named by reference, in the file.

Flows write in this order. Stock comes last: a shipment that is completed lowers what Centra holds, and an amount that
was counted after the parcel had left says so already.
"""

from __future__ import annotations

BUILTIN_SYSTEMS = {
    "centra": "pipelines.systems.centra.system:CENTRA",
    "myogo": "pipelines.systems.myogo.system:MYOGO",
}
BUILTIN_FLOWS = {
    "products": "pipelines.flows.products:ProductFlow",
    "orders": "pipelines.flows.orders:OrdersFlow",
    "tracking": "pipelines.flows.tracking:TrackingFlow",
    "stock": "pipelines.flows.stock:StockFlow",
}
