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
# Fields of an order that its shipments do not have.
NOT_IN_SHIPMENTS = frozenset(("orderStatus", "shipments", "cancelDate", "estimatedDeliveryDate", "discounts"))
TERMS = {"id": "1", "name": "Standard", "description": ""}
DOCUMENTS_URL = "https://papers.example.test"
CENT = Decimal("0.01")


def order_row(order: Order, shipments: list[Shipment], switches: CentraSwitches) -> dict[str, Any]:
    """One row of `orders`; the switches decide its shape."""
    row = {"orderId": str(order.number)} | _status(order, switches) | dict(order.fields)
    row["shipments"] = [
        {
            "shipmentId": one.id, "shippedDate": one.shipped_date, "carrier": one.carrier, "service": one.service,
            "trackingId": one.tracking, "trackingUrl": "", "returnSlipTracking": one.return_tracking,
        }
        for one in shipments
    ]  # fmt: skip
    quantities = {line.line_id: line.qty for line in order.lines}
    return _formatted(row | _body(order, quantities, switches, full=True), Dialect.of(switches))


def shipment_row(shipment: Shipment, order: Order, switches: CentraSwitches) -> dict[str, Any]:
    """One row of `shipments`; the switches decide its shape."""
    shared = {name: value for name, value in order.fields.items() if name not in NOT_IN_SHIPMENTS}
    row: dict[str, Any] = {
        "shipmentId": shipment.id, "orderId": str(order.number), "shouldCapture": int(shipment.should_capture),
        "paid": int(shipment.paid),
    } | shared | {
        "accountId": order.fields.get("accountId") or "0", "shipmentDate": shipment.created,
        "shippedDate": shipment.shipped_date, "deliveryService": shipment.service, "shippingTerms": TERMS,
        "paymentTerms": TERMS, "proforma": f"{DOCUMENTS_URL}/proforma/{shipment.id}.pdf",
        "deliveryNote": f"{DOCUMENTS_URL}/delivery-note/{shipment.id}.pdf", "carrier": shipment.carrier,
        "service": shipment.service, "packages": shipment.packages, "trackingNumber": shipment.tracking,
        "trackingUrl": "", "returnSlipTracking": shipment.return_tracking,
    }  # fmt: skip
    row |= {name: 1 for name in ("hold", "suspect") if getattr(shipment, name)}
    if switches.shipment_gtg:
        row["gtg"] = int(shipment.gtg)
    return _formatted(row | _body(order, shipment.quantities, switches, full=False), Dialect.of(switches))


def _status(order: Order, switches: CentraSwitches) -> dict[str, Any]:
    number = int(order.status)
    shapes: dict[str, Any] = {"string": order.status, "number": number, "name": STATUSES[number]}
    return {} if switches.order_status_as == "absent" else {"orderStatus": shapes[switches.order_status_as]}


def _body(order: Order, quantities: Mapping[str, int], switches: CentraSwitches, *, full: bool) -> dict[str, Any]:
    """The lines and their totals; `full` for an order, else for a shipment."""
    lines = [(line, quantities[line.line_id]) for line in order.lines if quantities.get(line.line_id)]
    items = sum((_price_each(line, order) * quantity for line, quantity in lines), Decimal(0))
    shipping, voucher = (Decimal(str(order.fields.get(name) or 0)) for name in ("shippingValue", "voucherValue"))
    of_order = sum((_price_each(line, order) * line.qty for line in order.lines), shipping - voucher)
    total = of_order if full or switches.shipment_totals == "order" else items
    percent, currency = _percent(order), order.fields.get("orderCurrency", "")
    added = _tax(total, percent) if switches.prices == "without_tax" else 0
    body = {
        "grandTotalValue": total, "grandTotalTaxValue": _tax(total, percent), "taxAdded": added, "taxDeducted": 0,
        "totalItemsPrice": items, "totalItemsPriceTax": _tax(items, percent),
        "totalItemsWithoutTax": items - _tax(items, percent), "totalItemsDiscount": 0,
        "taxBreakdown": [{"description": "VAT", "taxPercent": percent, "value": _tax(total, percent)}],
        "products": _products(order, lines, switches, full=full),
    }  # fmt: skip
    no_discount = {"anyDiscount": False, "discount": f"0.00 {currency}", "discountAsNumber": 0}
    return body | ({"discounts": no_discount | {"vouchers": [], "automaticDiscounts": []}} if full else {})


def _products(
    order: Order, lines: list[tuple[Line, int]], switches: CentraSwitches, *, full: bool
) -> list[dict[str, Any]]:
    """The lines in the form of the plugin's bundle setting, sorted by line id."""
    mode = switches.bundle_mode
    rows = []
    for line, quantity in lines:
        if line.bundle is None or mode in ("only_items", "bundles_and_items"):
            rows.append(_item_row(line, quantity, order, switches, full=full))
    for bundle in order.bundles:
        parts = [(line, quantity) for line, quantity in lines if line.bundle == bundle.line_id]
        if parts and mode != "only_items":
            inside = [_item_row(line, quantity, order, switches, full=full) for line, quantity in parts]
            rows.append(_bundle_row(bundle, parts, inside, order, switches, full=full))
    return sorted(rows, key=lambda row: int(row["lineId"]))


def _item_row(line: Line, quantity: int, order: Order, switches: CentraSwitches, *, full: bool) -> dict[str, Any]:
    prices = line.price, _price_each(line, order)
    row = _line_row(line.line_id, dict(line.size), quantity, *prices, order, switches, full=full)
    row["warehouses"] = [{"name": line.warehouse, "itemQty": quantity if full else str(quantity)}]
    return row | {"isBundle": False} | ({"isPartOfBundle": line.bundle} if line.bundle else {})


def _bundle_row(
    bundle: Bundle,
    parts: list[tuple[Line, int]],
    inside: list[dict[str, Any]],
    order: Order,
    switches: CentraSwitches,
    *,
    full: bool,
) -> dict[str, Any]:
    quantity = max(1, min(bundle.qty * sent // line.qty for line, sent in parts))
    separate_price = sum((line.price * line.qty for line, _ in parts), Decimal(0)) / bundle.qty
    with_items = switches.bundle_mode == "items_in_bundles"
    prices = (separate_price, bundle.price) if with_items else (bundle.price, Decimal(0))
    size: dict[str, Any] = dict.fromkeys(parts[0][0].size, "") | {"sku": bundle.sku, "upc": None, "name": bundle.name}
    size |= {"weight": 0, "weightUnit": "kg", "brand": parts[0][0].size.get("brand")}
    row = _line_row(bundle.line_id, size, quantity, *prices, order, switches, full=full)
    return row | {"isBundle": True} | ({"bundle": inside} if with_items else {})


def _line_row(
    line_id: str, size: dict[str, Any], quantity: int, original: Decimal, price: Decimal, order: Order,
    switches: CentraSwitches, *, full: bool,
) -> dict[str, Any]:  # fmt: skip
    percent = _percent(order)
    shown = {"originalPrice": original, "price": price}
    if switches.prices == "without_tax":
        shown = {name: amount - _tax(amount, percent) for name, amount in shown.items()}
    head = {
        "lineId": line_id, **size, "qty": quantity, **shown, "comment": "",
        "warehouses": [{"name": "Default", "itemQty": quantity if full else str(quantity)}],
    }  # fmt: skip
    if not full:
        return head
    total = price * quantity
    return head | {
        "otherComment": "", "taxPercent": percent, "priceDiscount": 0, "priceDiscountAsPercent": 0,
        "taxValue": _tax(price, percent), "totalTaxValue": _tax(total, percent), "totalPrice": total,
        "totalPriceWithoutTax": total - _tax(total, percent), "totalPriceWithTax": total, "anyDiscount": False,
        "priceEachWithoutTax": price - _tax(price, percent), "priceEachReduction": 0,
        "localizedSize": {"localizedSize": str(size.get("size", "")), "localizationDefinitionName": "Default"},
    }  # fmt: skip


def _price_each(line: Line, order: Order) -> Decimal:
    """The price of one piece: in a bundle, its share of the bundle's price."""
    bundle = next((bundle for bundle in order.bundles if bundle.line_id == line.bundle), None)
    if bundle is None:
        return line.price
    separate_price = sum((part.price * part.qty for part in order.lines if part.bundle == line.bundle), Decimal(0))
    return (bundle.price * bundle.qty * line.price / separate_price).quantize(CENT) if separate_price else Decimal(0)


def _percent(order: Order) -> Decimal:
    return VAT.get(str(order.fields.get("deliveryCountry")), Decimal(0))


def _tax(gross: Decimal, percent: Decimal) -> Decimal:
    return (gross * percent / (100 + percent)).quantize(CENT)


def _formatted(fields: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """The fields as the dialect writes them, on every level."""
    formatted = {name: _value(value, dialect, name) for name, value in fields.items()}
    return {name: value for name, value in formatted.items() if value != MISSING}


def _value(value: Any, dialect: Dialect, name: str) -> Any:
    if isinstance(value, Mapping):
        return _formatted(value, dialect)
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
