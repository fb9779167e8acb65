"""The fields of myOGO's `GET /Orders` that are staged, and groups of its statuses. No personal data is staged."""

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
    FieldSpec("price_total", "priceTotal", "number", on_type_mismatch="report"),
    FieldSpec("cash_on_delivery", "cashOnDelivery", "json"),
    # Why myOGO holds it back or lets it wait: `warehouseComments` without personal data.
    FieldSpec("reason", "reason", "text", on_type_mismatch="report"),
    # Digests of `schemas.order_destination`, made when the orders are read.
    FieldSpec("address_digest", "address_digest", "text", on_type_mismatch="report"),
    FieldSpec("pick_up_point_digest", "pick_up_point_digest", "text", on_type_mismatch="report"),
)

# Statuses in small letters, because myOGO writes them in more than one case.
FINAL = frozenset({"shipped", "cancelled", "returned"})
# The order proceeds without further action, or waits for its goods.
MOVING = frozenset({"new", "draft", "pending", "collecting"})
HELD_BACK = frozenset({"reserved", "locked"})
# The goods of the order are not there; myOGO releases it once they are.
WAITING = frozenset({"pending"})
