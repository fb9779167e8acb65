"""The systems and flows that a channel file may use by name. The file names any other by reference.

Flows write in this order. Stock comes last: completing a shipment lowers Centra's stock, and an amount that was counted
after the parcel left already includes that.
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
