"""What we rely on in myOGO's `GET /Orders`, and what an order must be before we send it.

Nothing of myOGO's answer that says something of a person is staged.
"""

from __future__ import annotations

from schemas.fields.spec import FieldSpec

ORDERS = (
    FieldSpec("id", "id", "text", on_type_mismatch="report"),
    FieldSpec("reference", "reference", "id", required=True),
    FieldSpec("status", "status", "text", on_type_mismatch="report"),
    FieldSpec("shipping_code", "shippingCode", "text", on_type_mismatch="report"),
    FieldSpec("tracking_number", "trackingNumber", "text", on_type_mismatch="report"),
    FieldSpec("tracking_url", "trackingUrl", "text", on_type_mismatch="report"),
    FieldSpec("edit_time", "editTime", "text", on_type_mismatch="report"),
    FieldSpec("test", "test", "json"),
    FieldSpec("lines", "orderLines", "json"),
)

# What a final order can no longer become; myOGO spells statuses in more than one case.
FINAL = frozenset({"shipped", "cancelled", "returned"})
# Those in which an order goes on its way by itself, or waits for its goods to.
MOVING = frozenset({"new", "draft", "pending", "collecting"})
HELD_BACK = frozenset({"reserved", "locked"})
