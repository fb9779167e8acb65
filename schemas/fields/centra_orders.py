"""What we rely on in Centra's `GET /shipments` and `GET /orders`, and the little that we stage of it.

Only what an order for the warehouse is made of. PERSONAL columns are blanked after a while; see the orders flow.
"""

from __future__ import annotations

from schemas.fields.spec import Field

_DELIVERY = (
    Field("order_date", "orderDate", "text", if_odd="tell"),
    Field("store", "orderStore", "text", if_odd="tell"),
    Field("currency", "orderCurrency", "text", if_odd="withhold"),
    Field("total", "grandTotalValue", "number", if_odd="tell"),
    Field("shipping_list", "shippingList", "text", if_odd="tell"),
    Field("default_carrier", "defaultCarrier", "text", if_odd="tell"),
    Field("delivery_service", "deliveryService", "text", if_odd="tell"),
    Field("shipping_terms", "shippingTerms", "json"),
    Field("ingrid_method", "shipwallet_method", "text", if_odd="tell"),
    Field("pick_up_point", "shipwallet_pickup", "text", if_odd="withhold"),
    Field("payment_plugin", "paymentPlugin", "text", if_odd="tell"),
    Field("country", "deliveryCountry", "text", if_odd="withhold"),
)
_PERSON = (
    Field("name", "deliveryName", "text", if_odd="withhold"),
    Field("company", "deliveryCompany", "text", if_odd="withhold"),
    Field("email", "deliveryEmail", "text", if_odd="tell"),
    Field("cell", "deliveryCell", "text", if_odd="tell"),
    Field("tele", "deliveryTele", "text", if_odd="tell"),
    Field("address", "deliveryAddress", "text", if_odd="withhold"),
    Field("coaddress", "deliveryCoaddress", "text", if_odd="withhold"),
    Field("zipcode", "deliveryZipcode", "text", if_odd="withhold"),
    Field("city", "deliveryCity", "text", if_odd="withhold"),
    Field("state", "deliveryState", "text", if_odd="withhold"),
    Field("door_code", "shipwallet_doorcode", "text", if_odd="tell"),
    Field("courier_instructions", "shipwallet_courier_instructions", "text", if_odd="tell"),
)

SHIPMENTS = (
    Field("shipment_id", "shipmentId", "id", relied_on=True),
    Field("order_id", "orderId", "id", relied_on=True),
    Field("should_capture", "shouldCapture", "json"),
    Field("paid", "paid", "json"),
    *_DELIVERY,
    *_PERSON,
)

# Whether an order's status is told, and how, is not certain: the published example leaves it out.
ORDERS = (
    Field("order_id", "orderId", "id", relied_on=True),
    Field("order_status", "orderStatus", "text", if_odd="tell"),
    Field("hold", "hold", "json"),
    Field("waiting_for_payment", "waitingForPayment", "json"),
    *_DELIVERY,
    *_PERSON,
)

# Of those that are completed: which they are, and what was told of them.
COMPLETED = (*SHIPMENTS[:2], Field("tracking_number", "trackingNumber", "text", if_odd="tell"))

# An order's number, or a shipment's: the order's, a dash and a count.
NUMBER = "[0-9]+(-[0-9]+)?"

LINES_KEY, CONTENTS_KEY = "products", "bundle"

LINES = (
    Field("line_id", "lineId", "text", if_odd="withhold"),
    Field("sku", "sku", "text", relied_on=True),
    Field("variant_sku", "variantSku", "text", relied_on=True),
    Field("size_sku", "sizeSku", "text", relied_on=True),
    Field("product_name", "name", "text", if_odd="tell"),
    Field("quantity", "qty", "integer", if_odd="withhold"),
    Field("price", "price", "number", if_odd="tell"),
    Field("tax_percent", "taxPercent", "number", if_odd="tell"),
    Field("is_bundle", "isBundle", "json"),
    Field("part_of_bundle", "isPartOfBundle", "json"),
)

# Columns of `raw_centra.shipments` and `raw_centra.orders` that say something of a person.
PERSONAL = tuple(field.column for field in _PERSON)
