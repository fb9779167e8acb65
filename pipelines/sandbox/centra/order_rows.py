"""Centra's orders and shipments as the Order API writes them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pipelines.sandbox.centra.orders import STATUSES, Bundle, Line, Order
from pipelines.sandbox.centra.product_rows import MISSING, Dialect, amount, identifier
from pipelines.sandbox.centra.shipments import Shipment
from pipelines.sandbox.common.switches import CentraSwitches
from pipelines.sandbox.seed.order_sample import VAT

IDS = frozenset(("orderId", "customerId", "marketId", "pricelistId", "lineId", "isPartOfBundle"))
FLAGS = frozenset((
    "suspect", "internalOrder", "hold", "waitingForPayment", "shouldCapture", "paid", "gtg", "isBundle",
))  # fmt: skip
MONEY = frozenset((
    "originalPrice", "price", "shippingValue", "voucherValue", "grandTotalValue", "grandTotalTaxValue", "totalPrice",
    "totalItemsPrice",
))  # fmt: skip
# What an order tells and a shipment does not.
NOT_IN_SHIPMENTS = frozenset(("orderStatus", "shipments", "cancelDate", "estimatedDeliveryDate", "discounts"))
TERMS = {"id": "1", "name": "Standard", "description": ""}
PAPERS = "https://papers.example.test"
CENT = Decimal("0.01")


def order_row(order: Order, shipments: list[Shipment], switches: CentraSwitches) -> dict[str, Any]:
    """One of `orders`, as the switches say."""
    row = {"orderId": str(order.number)} | _status(order, switches) | dict(order.fields)
    row["shipments"] = [
        {
            "shipmentId": one.id, "shippedDate": one.shipped_date, "carrier": one.carrier, "service": one.service,
            "trackingId": one.tracking, "trackingUrl": "", "returnSlipTracking": one.return_tracking,
        }
        for one in shipments
    ]  # fmt: skip
    quantities = {line.line_id: line.qty for line in order.lines}
    return _spoken(row | _body(order, quantities, switches, whole=True), Dialect.of(switches))


def shipment_row(shipment: Shipment, order: Order, switches: CentraSwitches) -> dict[str, Any]:
    """One of `shipments`, as the switches say."""
    own = {name: value for name, value in order.fields.items() if name not in NOT_IN_SHIPMENTS}
    row: dict[str, Any] = {
        "shipmentId": shipment.id, "orderId": str(order.number), "shouldCapture": int(shipment.should_capture),
        "paid": int(shipment.paid),
    } | own | {
        "accountId": order.fields.get("accountId") or "0", "shipmentDate": shipment.created,
        "shippedDate": shipment.shipped_date, "deliveryService": shipment.service, "shippingTerms": TERMS,
        "paymentTerms": TERMS, "proforma": f"{PAPERS}/proforma/{shipment.id}.pdf",
        "deliveryNote": f"{PAPERS}/delivery-note/{shipment.id}.pdf", "carrier": shipment.carrier,
        "service": shipment.service, "packages": shipment.packages, "trackingNumber": shipment.tracking,
        "trackingUrl": "", "returnSlipTracking": shipment.return_tracking,
    }  # fmt: skip
    if switches.shipment_gtg:
        row["gtg"] = int(shipment.gtg)
    return _spoken(row | _body(order, shipment.quantities, switches, whole=False), Dialect.of(switches))


def _status(order: Order, switches: CentraSwitches) -> dict[str, Any]:
    number = int(order.status)
    shapes: dict[str, Any] = {"string": order.status, "number": number, "name": STATUSES[number]}
    return {} if switches.order_status_as == "absent" else {"orderStatus": shapes[switches.order_status_as]}


def _body(order: Order, quantities: Mapping[str, int], switches: CentraSwitches, *, whole: bool) -> dict[str, Any]:
    """The lines and the totals over them."""
    held = [(line, quantities[line.line_id]) for line in order.lines if quantities.get(line.line_id)]
    items = sum((_charged(line, order) * quantity for line, quantity in held), Decimal(0))
    shipping, voucher = (Decimal(str(order.fields.get(name) or 0)) for name in ("shippingValue", "voucherValue"))
    total = items + (shipping - voucher if whole else 0)
    percent, currency = _percent(order), order.fields.get("orderCurrency", "")
    body = {
        "grandTotalValue": total, "grandTotalTaxValue": _tax(total, percent), "taxAdded": 0, "taxDeducted": 0,
        "totalItemsPrice": items, "totalItemsPriceTax": _tax(items, percent),
        "totalItemsWithoutTax": items - _tax(items, percent), "totalItemsDiscount": 0,
        "taxBreakdown": [{"description": "VAT", "taxPercent": percent, "value": _tax(total, percent)}],
        "products": _products(order, held, switches, whole=whole),
    }  # fmt: skip
    nothing = {"anyDiscount": False, "discount": f"0.00 {currency}", "discountAsNumber": 0}
    return body | ({"discounts": nothing | {"vouchers": [], "automaticDiscounts": []}} if whole else {})


def _products(
    order: Order, held: list[tuple[Line, int]], switches: CentraSwitches, *, whole: bool
) -> list[dict[str, Any]]:
    """The lines in the way that the plugin's bundle setting says; one after the other as they were ordered."""
    mode = switches.bundle_mode
    rows = []
    for line, quantity in held:
        if line.bundle is None or mode in ("only_items", "bundles_and_items"):
            rows.append(_item(line, quantity, order, whole=whole))
    for bundle in order.bundles:
        parts = [(line, quantity) for line, quantity in held if line.bundle == bundle.line_id]
        if parts and mode != "only_items":
            inside = [_item(line, quantity, order, whole=whole) for line, quantity in parts]
            rows.append(_set(bundle, parts, inside, mode, order, whole=whole))
    return sorted(rows, key=lambda row: int(row["lineId"]))


def _item(line: Line, quantity: int, order: Order, *, whole: bool) -> dict[str, Any]:
    row = _line(line.line_id, dict(line.size), quantity, line.price, _charged(line, order), order, whole=whole)
    return row | {"isBundle": False} | ({"isPartOfBundle": line.bundle} if line.bundle else {})


def _set(
    bundle: Bundle, parts: list[tuple[Line, int]], inside: list[dict[str, Any]], mode: str, order: Order, *, whole: bool
) -> dict[str, Any]:
    quantity = max(1, min(bundle.qty * held // line.qty for line, held in parts))
    apart = sum((line.price * line.qty for line, _ in parts), Decimal(0)) / bundle.qty
    with_items = mode == "items_in_bundles"
    prices = (apart, bundle.price) if with_items else (bundle.price, Decimal(0))
    size: dict[str, Any] = dict.fromkeys(parts[0][0].size, "") | {"sku": bundle.sku, "upc": None, "name": bundle.name}
    size |= {"weight": 0, "weightUnit": "kg", "brand": parts[0][0].size.get("brand")}
    row = _line(bundle.line_id, size, quantity, *prices, order, whole=whole)
    return row | {"isBundle": True} | ({"bundle": inside} if with_items else {})


def _line(
    line_id: str, size: dict[str, Any], quantity: int, original: Decimal, price: Decimal, order: Order, *, whole: bool
) -> dict[str, Any]:
    percent = _percent(order)
    head = {
        "lineId": line_id, **size, "qty": quantity, "originalPrice": original, "price": price, "comment": "",
        "warehouses": [{"name": "Default", "itemQty": quantity if whole else str(quantity)}],
    }  # fmt: skip
    if not whole:
        return head
    total = price * quantity
    return head | {
        "otherComment": "", "taxPercent": percent, "priceDiscount": 0, "priceDiscountAsPercent": 0,
        "taxValue": _tax(price, percent), "totalTaxValue": _tax(total, percent), "totalPrice": total,
        "totalPriceWithoutTax": total - _tax(total, percent), "totalPriceWithTax": total, "anyDiscount": False,
        "priceEachWithoutTax": price - _tax(price, percent), "priceEachReduction": 0,
        "localizedSize": {"localizedSize": str(size.get("size", "")), "localizationDefinitionName": "Default"},
    }  # fmt: skip


def _charged(line: Line, order: Order) -> Decimal:
    """What one piece costs: in a bundle, its part of the bundle's price."""
    bundle = next((bundle for bundle in order.bundles if bundle.line_id == line.bundle), None)
    if bundle is None:
        return line.price
    apart = sum((part.price * part.qty for part in order.lines if part.bundle == line.bundle), Decimal(0))
    return (bundle.price * bundle.qty * line.price / apart).quantize(CENT) if apart else Decimal(0)


def _percent(order: Order) -> Decimal:
    return VAT.get(str(order.fields.get("deliveryCountry")), Decimal(0))


def _tax(gross: Decimal, percent: Decimal) -> Decimal:
    return (gross * percent / (100 + percent)).quantize(CENT)


def _spoken(fields: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """The fields as the dialect writes them, in every level."""
    spoken = {name: _value(value, dialect, name) for name, value in fields.items()}
    return {name: value for name, value in spoken.items() if value != MISSING}


def _value(value: Any, dialect: Dialect, name: str) -> Any:
    if isinstance(value, Mapping):
        return _spoken(value, dialect)
    if isinstance(value, list):
        return [_value(inner, dialect, "") for inner in value]
    if value in ("", None) and dialect.empty_as != "as_is":
        return MISSING if dialect.empty_as == "missing" else dialect.empty_as
    if name in IDS:
        return identifier(value, dialect.ids_as)
    if name in FLAGS and dialect.flags_as != "as_is":
        return bool(value) if dialect.flags_as == "bool" else int(value)
    if isinstance(value, Decimal) and (name not in MONEY or dialect.price_as == "as_is"):
        return amount(value, "number")
    return amount(value, dialect.price_as) if name in MONEY else value
