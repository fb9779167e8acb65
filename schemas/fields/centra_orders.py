"""The fields of Centra's `GET /shipments` and `GET /orders` that are staged.

Only the fields that an order for the warehouse needs. PERSONAL columns are cleared after a number of days; see the
orders flow.
"""

from __future__ import annotations

from schemas.fields.spec import FieldSpec

NOTE_KEY = "otherComment"

_DELIVERY = (
    FieldSpec("order_date", "orderDate", "text", on_type_mismatch="report"),
    FieldSpec("store", "orderStore", "text", on_type_mismatch="report"),
    FieldSpec("currency", "orderCurrency", "text", on_type_mismatch="withhold"),
    FieldSpec("total", "grandTotalValue", "number", on_type_mismatch="report"),
    FieldSpec("shipping_list", "shippingList", "text", on_type_mismatch="report"),
    FieldSpec("default_carrier", "defaultCarrier", "text", on_type_mismatch="report"),
    FieldSpec("delivery_service", "deliveryService", "text", on_type_mismatch="report"),
    FieldSpec("shipping_terms", "shippingTerms", "json"),
    FieldSpec("ingrid_method", "shipwallet_method", "text", on_type_mismatch="report"),
    FieldSpec("pick_up_point", "shipwallet_pickup", "text", on_type_mismatch="withhold"),
    FieldSpec("payment_plugin", "paymentPlugin", "text", on_type_mismatch="report"),
    FieldSpec("country", "deliveryCountry", "text", on_type_mismatch="withhold"),
)
# Flags that stop an order, 0 or 1. Centra documents them for orders; shipments have "most order fields".
_STOPS = (
    FieldSpec("hold", "hold", "json"),
    FieldSpec("waiting_for_payment", "waitingForPayment", "json"),
    FieldSpec("suspect", "suspect", "json"),
)
_PERSON = (
    FieldSpec("name", "deliveryName", "text", on_type_mismatch="withhold"),
    FieldSpec("company", "deliveryCompany", "text", on_type_mismatch="withhold"),
    FieldSpec("email", "deliveryEmail", "text", on_type_mismatch="report"),
    FieldSpec("cell", "deliveryCell", "text", on_type_mismatch="report"),
    FieldSpec("tele", "deliveryTele", "text", on_type_mismatch="report"),
    FieldSpec("address", "deliveryAddress", "text", on_type_mismatch="withhold"),
    FieldSpec("coaddress", "deliveryCoaddress", "text", on_type_mismatch="withhold"),
    FieldSpec("zipcode", "deliveryZipcode", "text", on_type_mismatch="withhold"),
    FieldSpec("city", "deliveryCity", "text", on_type_mismatch="withhold"),
    FieldSpec("state", "deliveryState", "text", on_type_mismatch="withhold"),
    FieldSpec("door_code", "shipwallet_doorcode", "text", on_type_mismatch="report"),
    FieldSpec("courier_instructions", "shipwallet_courier_instructions", "text", on_type_mismatch="report"),
    # What the customer wrote in the checkout; `internalComment` is the shop's own.
    FieldSpec("note", NOTE_KEY, "text", on_type_mismatch="report"),
)

SHIPMENTS = (
    FieldSpec("shipment_id", "shipmentId", "id", required=True),
    FieldSpec("order_id", "orderId", "id", required=True, on_type_mismatch="withhold"),
    FieldSpec("should_capture", "shouldCapture", "json"),
    FieldSpec("paid", "paid", "json"),
    *_STOPS,
    *_DELIVERY,
    *_PERSON,
)

# Whether and how Centra sends an order's status is not certain: the published example does not include it.
ORDERS = (
    FieldSpec("order_id", "orderId", "id", required=True),
    FieldSpec("order_status", "orderStatus", "text", on_type_mismatch="report"),
    *_STOPS,
    FieldSpec("shipping_value", "shippingValue", "number", on_type_mismatch="report"),
    FieldSpec("voucher_value", "voucherValue", "number", on_type_mismatch="report"),
    FieldSpec("tax_added", "taxAdded", "number", on_type_mismatch="report"),
    FieldSpec("tax_deducted", "taxDeducted", "number", on_type_mismatch="report"),
    *_DELIVERY,
    *_PERSON,
)

# Completed shipments: their ids, and the tracking number that Centra has.
COMPLETED = (*SHIPMENTS[:2], FieldSpec("tracking_number", "trackingNumber", "text", on_type_mismatch="report"))

# An order number, or a shipment number: the order number, a dash and a count.
NUMBER = "[0-9]+(-[0-9]+)?"

# The names of an order's statuses; Centra may send either the number (its index) or the name.
STATUSES = ("incomplete", "pending", "confirmed", "processing", "completed", "archived", "cancelled")

LINES_KEY, CONTENTS_KEY = "products", "bundle"
SHIPPING_TERMS_KEY, WAREHOUSES_KEY = "shippingTerms", "warehouses"

LINES = (
    FieldSpec("line_id", "lineId", "text", on_type_mismatch="withhold"),
    FieldSpec("sku", "sku", "text", required=True, on_type_mismatch="withhold"),
    FieldSpec("variant_sku", "variantSku", "text", required=True, on_type_mismatch="withhold"),
    FieldSpec("size_sku", "sizeSku", "text", required=True, on_type_mismatch="withhold"),
    FieldSpec("product_name", "name", "text", on_type_mismatch="report"),
    FieldSpec("quantity", "qty", "integer", on_type_mismatch="withhold"),
    FieldSpec("price", "price", "number", on_type_mismatch="report"),
    FieldSpec("tax_percent", "taxPercent", "number", on_type_mismatch="report"),
    FieldSpec("total_with_tax", "totalPriceWithTax", "number", on_type_mismatch="report"),
    FieldSpec("warehouses", "warehouses", "json"),
    FieldSpec("is_bundle", "isBundle", "json"),
    FieldSpec("part_of_bundle", "isPartOfBundle", "json"),
)

# Columns of `raw_centra.shipments` and `raw_centra.orders` with personal data.
PERSONAL = tuple(field.column for field in _PERSON)
PERSONAL_KEYS = frozenset(field.vendor for field in _PERSON)
