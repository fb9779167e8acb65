"""What we rely on in myOGO's `GET /Orders`, and what an order must be before we send it.

Nothing of myOGO's answer that says something of a person is staged.
"""

from __future__ import annotations

from schemas.fields.spec import Field

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
